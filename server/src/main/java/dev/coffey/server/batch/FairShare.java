package dev.coffey.server.batch;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Whose turn it is: token-deficit round robin. The queue that is furthest behind in tokens goes
/// next, equals in turn; so queues that always have work get the same tokens, whatever the size of
/// their batches, to within one batch. A queue that comes back from idling starts level with the
/// others: idling earns no credit. What it had too much (one huge text) stays on its account.
///
/// Confined to one thread; no time, no effects.
final class FairShare<Q> {
  private static final class Account<Q> {
    final Q queue;
    long tokens;
    boolean active;

    Account(Q queue) {
      this.queue = queue;
    }
  }

  private final List<Account<Q>> accounts = new ArrayList<>();

  /// What the queue that was served last had on its account before that.
  private long level;

  private int last = -1;

  void add(Q queue) {
    accounts.add(new Account<>(queue));
  }

  void remove(Q queue) {
    accounts.removeIf(account -> account.queue.equals(queue));
    last = -1;
  }

  /// The queue to serve next of those that are ready, null if none is.
  @Nullable Q next(Predicate<Q> ready) {
    Account<Q> chosen = null;
    for (int i = 1; i <= accounts.size(); i++) {
      Account<Q> account = accounts.get((last + i) % accounts.size());
      if (!ready.test(account.queue)) {
        account.active = false;
        continue;
      }
      if (!account.active) {
        account.active = true;
        account.tokens = Math.max(account.tokens, level);
      }
      if (chosen == null || account.tokens < chosen.tokens) {
        chosen = account;
      }
    }
    return chosen == null ? null : chosen.queue;
  }

  /// Puts a batch on the account of the queue it was cut from.
  void charge(Q queue, long tokens) {
    for (int i = 0; i < accounts.size(); i++) {
      Account<Q> account = accounts.get(i);
      if (account.queue.equals(queue)) {
        level = Math.max(level, account.tokens);
        account.tokens += tokens;
        last = i;
        return;
      }
    }
  }
}
