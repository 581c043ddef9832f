package dev.coffey.server.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class FairShareTest {
  private static final long SEED = 5;

  private static FairShare<String> of(String... queues) {
    FairShare<String> share = new FairShare<>();
    for (String queue : queues) {
      share.add(queue);
    }
    return share;
  }

  private static @Nullable String serve(FairShare<String> share, int tokens, String ready) {
    String next = share.next(ready::contains);
    if (next != null) {
      share.charge(next, tokens);
    }
    return next;
  }

  @Test
  void next_noneReady_null() {
    assertThat(of("a", "b").next(_ -> false)).isNull();
    assertThat(of().next(_ -> true)).isNull();
  }

  @Test
  void next_equalBatches_inTurn() {
    FairShare<String> share = of("a", "b", "c");
    StringBuilder order = new StringBuilder();
    for (int i = 0; i < 7; i++) {
      order.append(serve(share, 10, "abc"));
    }
    assertThat(order).hasToString("abcabca");
  }

  /// Breaks if turns are counted instead of tokens.
  @Test
  void next_alwaysBusyWithAnyBatchSizes_tokensEqualWithinOneBatch() {
    Random random = new Random(SEED);
    for (int i = 0; i < 200; i++) {
      checkTokens(random.nextInt(1, 601), random.nextInt(1, 601));
    }
    checkTokens(1, 600);
    checkTokens(600, 1);
  }

  private static void checkTokens(int batchOfA, int batchOfB) {
    FairShare<String> share = of("a", "b");
    Map<String, Integer> tokens = new HashMap<>();
    for (int i = 0; i < 500; i++) {
      String next = Objects.requireNonNull(share.next(_ -> true));
      int batch = next.equals("a") ? batchOfA : batchOfB;
      share.charge(next, batch);
      tokens.merge(next, batch, Integer::sum);
    }
    assertThat(Math.abs(tokens.getOrDefault("a", 0) - tokens.getOrDefault("b", 0)))
        .as("batches of %d and %d, seed %d", batchOfA, batchOfB, SEED)
        .isLessThanOrEqualTo(Math.max(batchOfA, batchOfB));
  }

  /// Breaks if idling saves up credit: b would then be served a thousand times in a row.
  @Test
  void next_idleThenBusy_noCredit() {
    assertThat(orderAfterIdlingOfB(of("a", "b"))).isEqualTo("bababa");
  }

  /// Breaks if only a queue that never had work starts level with the others.
  @Test
  void next_busyThenIdleThenBusy_noCredit() {
    FairShare<String> share = of("a", "b");
    serve(share, 10, "ab");
    serve(share, 10, "ab");
    assertThat(orderAfterIdlingOfB(share)).isEqualTo("bababa");
  }

  private static String orderAfterIdlingOfB(FairShare<String> share) {
    for (int i = 0; i < 1000; i++) {
      serve(share, 10, "a");
    }
    StringBuilder order = new StringBuilder();
    for (int i = 0; i < 6; i++) {
      order.append(serve(share, 10, "ab"));
    }
    return order.toString();
  }

  /// Breaks if the account is cleared when a queue empties: sending one huge text at a time would
  /// pay.
  @Test
  void next_oneHugeBatchThenIdle_debtStays() {
    FairShare<String> share = of("a", "b");
    serve(share, 10, "ab");
    serve(share, 50, "ab");
    StringBuilder order = new StringBuilder();
    order.append(serve(share, 10, "a"));
    for (int i = 0; i < 6; i++) {
      order.append(serve(share, 10, "ab"));
    }
    assertThat(order).hasToString("aaaabab");
  }

  @Test
  void remove_oneOfThree_othersGoOn() {
    FairShare<String> share = of("a", "b", "c");
    serve(share, 10, "abc");
    share.remove("b");
    assertThat(serve(share, 10, "abc")).isEqualTo("c");
    assertThat(serve(share, 10, "abc")).isEqualTo("a");
  }
}
