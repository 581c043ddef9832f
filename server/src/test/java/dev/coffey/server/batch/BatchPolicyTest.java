package dev.coffey.server.batch;

import static dev.coffey.server.batch.Priority.HIGH;
import static dev.coffey.server.batch.Priority.LOW;
import static dev.coffey.server.batch.Priority.NORMAL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.server.batch.BatchPolicy.Opening;
import dev.coffey.server.batch.Decision.Cause;
import dev.coffey.server.batch.Decision.Cut;
import dev.coffey.server.batch.Decision.Drop;
import dev.coffey.server.batch.Decision.Next;
import dev.coffey.server.batch.Decision.Nothing;
import dev.coffey.server.batch.Decision.Slice;
import dev.coffey.server.batch.Decision.WaitUntil;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class BatchPolicyTest {
  private static final long MILLI = 1_000_000;
  private static final long AGING = 1000 * MILLI;

  /// One token a millisecond, nothing fixed: a deadline reads as tokens.
  private static final BatchCost COST = new BatchCost(0, MILLI);

  private static final BatchPolicy POLICY = new BatchPolicy(100, 8, 0, AGING);

  record Request(
      String name,
      Priority priority,
      long arrivalNanos,
      long deadlineNanos,
      boolean ended,
      boolean probe,
      int nextText,
      List<Integer> lengths)
      implements Waiting {
    @Override
    public long turnNanos() {
      return arrivalNanos;
    }

    static Request of(String name, Priority priority, long arrivalMillis, Integer... lengths) {
      return new Request(
          name,
          priority,
          arrivalMillis * MILLI,
          Ticker.NO_DEADLINE,
          false,
          false,
          0,
          List.of(lengths));
    }

    Request dueAt(long millis) {
      return new Request(
          name, priority, arrivalNanos, millis * MILLI, ended, probe, nextText, lengths);
    }

    Request asEnded() {
      return new Request(
          name, priority, arrivalNanos, deadlineNanos, true, probe, nextText, lengths);
    }

    Request asProbe() {
      return new Request(
          name, priority, arrivalNanos, deadlineNanos, ended, true, nextText, lengths);
    }

    Request after(int texts) {
      return new Request(name, priority, arrivalNanos, deadlineNanos, ended, probe, texts, lengths);
    }

    @Override
    public int texts() {
      return lengths.size();
    }

    @Override
    public int tokens(int text) {
      return lengths.get(text);
    }

    @Override
    public long tokensLeft() {
      return lengths.stream().skip(nextText).mapToLong(Integer::longValue).sum();
    }
  }

  private static QueueView<Request> view(Request... requests) {
    return view(List.of(requests));
  }

  private static QueueView<Request> view(List<Request> requests) {
    List<List<Request>> lines = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    for (Request request : requests) {
      lines.get(request.priority().level()).add(request);
    }
    return new QueueView<>(lines);
  }

  /// The batch as text, `a[0,2)` for the first two texts of a.
  private static String cut(BatchPolicy policy, long nowMillis, Request... requests) {
    Next<Request> next =
        policy
            .decide(view(requests), nowMillis * MILLI, Opening.at(nowMillis * MILLI), COST)
            .next();
    return switch (next) {
      case Cut<Request> cut ->
          String.join(
              " ",
              cut.slices().stream()
                  .map(s -> s.request().name() + "[" + s.from() + "," + s.to() + ")")
                  .toList());
      case WaitUntil<Request>(long until) -> "wait until " + until / MILLI;
      case Nothing<Request> _ -> "nothing";
    };
  }

  private static String dropped(long nowMillis, Request... requests) {
    return String.join(
        " ",
        POLICY
            .decide(view(requests), nowMillis * MILLI, Opening.at(nowMillis * MILLI), COST)
            .drops()
            .stream()
            .map(drop -> drop.request().name() + ":" + drop.cause())
            .toList());
  }

  @Test
  void decide_emptyQueue_nothing() {
    assertThat(cut(POLICY, 0)).isEqualTo("nothing");
  }

  /// Breaks if an idle device waits for company without being told to.
  @Test
  void decide_oneShortText_cutAtOnce() {
    assertThat(cut(POLICY, 0, Request.of("a", NORMAL, 0, 5))).isEqualTo("a[0,1)");
  }

  /// Breaks if the budget is compared with the texts so far only, or is exclusive.
  @Test
  void decide_textsFillBudgetExactly_noMore() {
    assertThat(
            cut(
                POLICY,
                1,
                Request.of("a", NORMAL, 0, 60),
                Request.of("b", NORMAL, 0, 40),
                Request.of("c", NORMAL, 0, 1)))
        .isEqualTo("a[0,1) b[0,1)");
  }

  /// Breaks if a smaller text overtakes one that does not fit.
  @Test
  void decide_nextDoesNotFit_smallerBehindItWaits() {
    assertThat(
            cut(
                POLICY,
                1,
                Request.of("a", NORMAL, 0, 60),
                Request.of("b", NORMAL, 0, 41),
                Request.of("c", NORMAL, 0, 1)))
        .isEqualTo("a[0,1)");
  }

  /// Breaks if a request is kept whole.
  @Test
  void decide_requestLongerThanBudget_cutAcrossBatches() {
    Request a = Request.of("a", NORMAL, 0, 60, 30, 30);
    assertThat(cut(POLICY, 1, a)).isEqualTo("a[0,2)");
    assertThat(cut(POLICY, 1, a.after(2), Request.of("b", NORMAL, 0, 7)))
        .isEqualTo("a[2,3) b[0,1)");
  }

  /// Breaks if a text over the budget blocks the queue for ever, or takes company along.
  @Test
  void decide_textLargerThanBudget_goesAlone() {
    Request huge = Request.of("huge", NORMAL, 0, 500);
    assertThat(cut(POLICY, 1, huge, Request.of("b", NORMAL, 0, 1))).isEqualTo("huge[0,1)");
    assertThat(cut(POLICY, 1, Request.of("b", NORMAL, 0, 1), huge)).isEqualTo("b[0,1)");
  }

  @Test
  void decide_manyTinyTexts_cutByCount() {
    assertThat(cut(POLICY, 1, Request.of("a", NORMAL, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)))
        .isEqualTo("a[0,8)");
  }

  @Test
  void decide_priorities_highThenNormalThenLow() {
    assertThat(
            cut(
                POLICY,
                5,
                Request.of("low", LOW, 0, 1),
                Request.of("normal", NORMAL, 1, 1),
                Request.of("high", HIGH, 2, 1)))
        .isEqualTo("high[0,1) normal[0,1) low[0,1)");
  }

  /// Breaks if LOW can starve: after two levels of aging it goes before a newcomer of any priority.
  @Test
  void decide_lowWaitedTwoAgings_goesBeforeHigh() {
    assertThat(cut(POLICY, 3000, Request.of("low", LOW, 0, 1), Request.of("high", HIGH, 2001, 1)))
        .isEqualTo("low[0,1) high[0,1)");
    assertThat(cut(POLICY, 3000, Request.of("low", LOW, 0, 1), Request.of("high", HIGH, 1999, 1)))
        .isEqualTo("high[0,1) low[0,1)");
  }

  @Test
  void decide_endedAndExpired_droppedNotCut() {
    Request ended = Request.of("ended", NORMAL, 0, 5).asEnded();
    Request expired = Request.of("expired", NORMAL, 0, 5).dueAt(10);
    Request alive = Request.of("alive", NORMAL, 0, 5).dueAt(100);
    assertThat(dropped(10, ended, expired, alive)).isEqualTo("ended:ENDED expired:EXPIRED");
    assertThat(cut(POLICY, 10, ended, expired, alive)).isEqualTo("alive[0,1)");
  }

  /// Breaks if only the first batch of a request is checked: 250 tokens need 250 ms.
  @Test
  void decide_restOfRequestWouldBeLate_droppedBeforeItsFirstBatch() {
    Request request = Request.of("a", NORMAL, 0, 90, 90, 70);
    assertThat(dropped(1, request.dueAt(250))).isEqualTo("a:LATE");
    assertThat(dropped(1, request.dueAt(251))).isEmpty();
    assertThat(dropped(100, request.dueAt(251).after(1))).isEqualTo("a:LATE");
  }

  /// Breaks if a batch grows beyond what its most urgent request can wait for.
  @Test
  void decide_urgentRequest_batchStaysSmall() {
    assertThat(
            cut(
                POLICY,
                0,
                Request.of("urgent", NORMAL, 0, 30).dueAt(45),
                Request.of("b", NORMAL, 0, 15),
                Request.of("c", NORMAL, 0, 15)))
        .isEqualTo("urgent[0,1) b[0,1)");
  }

  @Test
  void decide_probe_cutThoughItLooksLate() {
    assertThat(cut(POLICY, 0, Request.of("a", NORMAL, 0, 50).dueAt(20).asProbe()))
        .isEqualTo("a[0,1)");
  }

  @Test
  void decide_maxDelay_waitsForCompanyUntilOldestWaitedIt() {
    BatchPolicy patient = new BatchPolicy(100, 8, 20 * MILLI, AGING);
    Request a = Request.of("a", NORMAL, 0, 10);
    Request b = Request.of("b", NORMAL, 3, 10);
    assertThat(cut(patient, 5, a, b)).isEqualTo("wait until 20");
    assertThat(cut(patient, 20, a, b)).isEqualTo("a[0,1) b[0,1)");
    assertThat(cut(patient, 5, a, Request.of("c", NORMAL, 3, 95))).isEqualTo("a[0,1)");
  }

  /// Breaks if the delay makes a request miss its deadline: a full batch takes 100 ms.
  @Test
  void decide_maxDelayAndDeadline_startsInTime() {
    BatchPolicy patient = new BatchPolicy(100, 8, 20 * MILLI, AGING);
    assertThat(cut(patient, 5, Request.of("a", NORMAL, 0, 10).dueAt(112)))
        .isEqualTo("wait until 12");
  }

  /// Breaks if a probe is cut, but holds the batch down to what its deadline allows.
  @Test
  void decide_probe_takesCompanyAlong() {
    assertThat(
            cut(
                POLICY,
                0,
                Request.of("a", NORMAL, 0, 50).dueAt(20).asProbe(),
                Request.of("b", NORMAL, 0, 40)))
        .isEqualTo("a[0,1) b[0,1)");
  }

  /// Breaks if what stands before a request in the batch is not reckoned with.
  @Test
  void decide_lateBehindOthersOfTheBatch_dropped() {
    assertThat(dropped(0, Request.of("a", NORMAL, 0, 60), Request.of("b", NORMAL, 0, 30).dueAt(89)))
        .isEqualTo("b:LATE");
    assertThat(dropped(0, Request.of("a", NORMAL, 0, 60), Request.of("b", NORMAL, 0, 30).dueAt(90)))
        .isEmpty();
  }

  /// Breaks if a batch behind another is reckoned as if it began now: here it begins at 50.
  @Test
  void decide_deviceBusy_deadlinesCountFromItsStart() {
    Opening busy = new Opening(50 * MILLI, 0);
    Request late = Request.of("a", NORMAL, 0, 30).dueAt(79);
    assertThat(POLICY.decide(view(late), 0, busy, COST).drops())
        .containsExactly(new Drop<>(late, Cause.LATE));
    Request urgent = Request.of("a", NORMAL, 0, 30).dueAt(85);
    Cut<Request> cut =
        (Cut<Request>)
            POLICY.decide(view(urgent, Request.of("b", NORMAL, 0, 6)), 0, busy, COST).next();
    assertThat(cut.tokens()).isEqualTo(30);
  }

  /// Breaks if a batch that is not full is fixed before the device can take it, or one that is
  /// full, by tokens or by texts, waits for nothing.
  @Test
  void decide_deviceBusy_onlyFullBatchesAreCutEarly() {
    Opening busy = new Opening(50 * MILLI, 40 * MILLI);
    Request half = Request.of("a", NORMAL, 0, 50);
    WaitUntil<Request> untilWanted = new WaitUntil<>(40 * MILLI);
    assertThat(POLICY.decide(view(half), 0, busy, COST).next()).isEqualTo(untilWanted);
    BatchPolicy patient = new BatchPolicy(100, 8, 20 * MILLI, AGING);
    assertThat(patient.decide(view(half), 0, busy, COST).next()).isEqualTo(untilWanted);
    Request full = Request.of("a", NORMAL, 0, 100);
    assertThat(POLICY.decide(view(full), 0, busy, COST).next()).isInstanceOf(Cut.class);
    Request eight = Request.of("a", NORMAL, 0, 1, 1, 1, 1, 1, 1, 1, 1);
    assertThat(POLICY.decide(view(eight), 0, busy, COST).next()).isInstanceOf(Cut.class);
  }

  @Test
  void sweep_deepInTheLine_found() {
    Request front = Request.of("front", NORMAL, 0, 100);
    Request expired = Request.of("expired", LOW, 0, 5).dueAt(9);
    Request ended = Request.of("ended", NORMAL, 0, 5).asEnded();
    assertThat(POLICY.sweep(view(front, expired, ended), 9 * MILLI))
        .containsExactly(new Drop<>(ended, Cause.ENDED), new Drop<>(expired, Cause.EXPIRED));
  }

  /// Up to 25 requests in the order of their arrival; half have a deadline, a fifth have ended.
  private static List<Request> anyQueue(Random random) {
    return random
        .ints(random.nextInt(26))
        .mapToObj(_ -> anyRequest(random))
        .sorted(Comparator.comparingLong(Request::arrivalNanos))
        .toList();
  }

  private static Request anyRequest(Random random) {
    Priority priority = List.of(HIGH, NORMAL, LOW).get(random.nextInt(3));
    Integer[] lengths = random.ints(random.nextInt(1, 7), 1, 131).boxed().toArray(Integer[]::new);
    Request request = Request.of("r", priority, random.nextLong(4001), lengths);
    request = random.nextBoolean() ? request.dueAt(random.nextLong(1, 8001)) : request;
    return random.nextInt(5) == 0 ? request.asEnded() : request;
  }

  @Test
  void decide_anyQueue_withinBudgetAliveAndInOrder() {
    for (long seed = 0; seed < 500; seed++) {
      List<Request> queue = anyQueue(new Random(seed));
      assertThat(queue).as("seed %d", seed).satisfies(BatchPolicyTest::checkDecision);
    }
  }

  private static void checkDecision(List<? extends Request> requests) {
    List<Request> queue = List.copyOf(requests);
    long now = 4000 * MILLI;
    Decision<Request> decision = POLICY.decide(view(queue), now, Opening.at(now), COST);
    for (Drop<Request> drop : decision.drops()) {
      Request request = drop.request();
      boolean justified =
          switch (drop.cause()) {
            case ENDED -> request.ended();
            case EXPIRED -> Ticker.passed(request.deadlineNanos(), now);
            case LATE -> request.tokensLeft() * MILLI + 100 * MILLI > request.deadlineNanos() - now;
          };
      assertThat(justified).as("drop of %s", drop).isTrue();
    }
    if (!(decision.next() instanceof Cut<Request> cut)) {
      // Work-conserving: nothing to cut only if all was dropped.
      assertThat(decision.drops()).hasSize(queue.size());
      return;
    }
    assertThat(cut.tokens())
        .isEqualTo(cut.slices().stream().mapToInt(Slice::tokens).sum())
        .satisfiesAnyOf(
            tokens -> assertThat(tokens).isLessThanOrEqualTo(100),
            _ -> assertThat(cut.texts()).isEqualTo(1));
    assertThat(cut.texts()).isBetween(1, 8);
    long lastKey = Long.MIN_VALUE;
    for (Slice<Request> slice : cut.slices()) {
      Request request = slice.request();
      assertThat(request.ended() || Ticker.passed(request.deadlineNanos(), now)).isFalse();
      assertThat(cut.tokens() * MILLI)
          .isLessThanOrEqualTo(Ticker.left(request.deadlineNanos(), now));
      long key = request.arrivalNanos() + request.priority().level() * AGING;
      assertThat(key).isGreaterThanOrEqualTo(lastKey);
      lastKey = key;
    }
  }

  /// Serves a queue to its end, while a HIGH request arrives with every batch and overtakes.
  @Test
  void decide_repeatedly_everyTextIsServedOnceInOrder() {
    for (long seed = 0; seed < 200; seed++) {
      List<Request> queue = anyQueue(new Random(seed));
      assertThat(queue).as("seed %d", seed).satisfies(BatchPolicyTest::checkServed);
    }
  }

  private static void checkServed(List<? extends Request> queue) {
    List<Request> waiting = new ArrayList<>();
    for (int i = 0; i < queue.size(); i++) {
      Request q = queue.get(i);
      waiting.add(
          new Request(
              "q" + i,
              q.priority(),
              q.arrivalNanos(),
              Ticker.NO_DEADLINE,
              false,
              false,
              0,
              q.lengths()));
    }
    Set<String> served = new HashSet<>();
    long now = 4000 * MILLI;
    int rounds = 0;
    while (waiting.stream().anyMatch(r -> r.name().startsWith("q"))) {
      assertThat(rounds++).as("rounds").isLessThan(1000);
      waiting.add(Request.of("h" + rounds, HIGH, now / MILLI, 90));
      Cut<Request> cut =
          (Cut<Request>) POLICY.decide(view(waiting), now, Opening.at(now), COST).next();
      for (Slice<Request> slice : cut.slices()) {
        Request request = slice.request();
        assertThat(slice.from()).isEqualTo(request.nextText());
        for (int i = slice.from(); i < slice.to(); i++) {
          assertThat(served.add(request.name() + "." + i)).isTrue();
        }
        int at = waiting.indexOf(request);
        if (slice.to() == request.texts()) {
          waiting.remove(at);
        } else {
          waiting.set(at, request.after(slice.to()));
        }
      }
      now += COST.batchNanos(cut.tokens());
    }
    for (int i = 0; i < queue.size(); i++) {
      for (int text = 0; text < queue.get(i).texts(); text++) {
        assertThat(served).contains("q" + i + "." + text);
      }
    }
  }
}
