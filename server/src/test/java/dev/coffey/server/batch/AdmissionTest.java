package dev.coffey.server.batch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.server.batch.Admission.Admit;
import dev.coffey.server.batch.Admission.Backlog;
import dev.coffey.server.batch.Admission.TooLarge;
import dev.coffey.server.batch.Admission.TooManyRequests;
import dev.coffey.server.batch.Admission.TooManyTokens;
import dev.coffey.server.batch.Admission.Unreachable;
import dev.coffey.server.batch.Admission.Verdict;
import java.util.List;
import org.junit.jupiter.api.Test;

final class AdmissionTest {
  private static final long MILLI = 1_000_000;
  private static final long[] IDLE = {0};
  private static final BatchCost COST = new BatchCost(0, MILLI);
  private static final Admission ADMISSION = new Admission(1000, 10);

  private static Backlog backlog(long tokens, int requests) {
    return new Backlog(tokens, requests, tokens, 100, COST, 0, Admission.CAUTION);
  }

  private static Verdict decide(long tokens, long leftMillis, Backlog own, Backlog... others) {
    return ADMISSION.decide(tokens, leftMillis * MILLI, own, List.of(others), IDLE);
  }

  private static Verdict noDeadline(long tokens, Backlog own) {
    return ADMISSION.decide(tokens, Long.MAX_VALUE, own, List.of(), IDLE);
  }

  @Test
  void decide_moreThanQueueEverHolds_tooLarge() {
    assertThat(noDeadline(1001, backlog(0, 0))).isEqualTo(new TooLarge());
    assertThat(noDeadline(1000, backlog(0, 0)))
        .isEqualTo(new Admit(1000 * MILLI, 2000 * MILLI, false));
  }

  /// 50 tokens must leave first, at a token a millisecond.
  @Test
  void decide_noRoomForTokens_retryWhenRoomWillBe() {
    assertThat(noDeadline(100, backlog(950, 5))).isEqualTo(new TooManyTokens(50 * MILLI));
    assertThat(noDeadline(50, backlog(950, 5)))
        .isEqualTo(new Admit(1000 * MILLI, 200 * MILLI, false));
  }

  @Test
  void decide_noRoomForRequests_retryWhenOneWillBeGone() {
    assertThat(noDeadline(1, backlog(300, 10))).isEqualTo(new TooManyRequests(30 * MILLI));
    assertThat(noDeadline(1, backlog(300, 9))).isEqualTo(new Admit(400 * MILLI, 4 * MILLI, false));
  }

  /// Breaks if a flood of a lower priority shuts out a higher one.
  @Test
  void decide_lowerPrioritiesFillQueue_higherIsAdmitted() {
    assertThat(noDeadline(100, new Backlog(0, 0, 1000, 100, COST, 0, Admission.CAUTION)))
        .isEqualTo(new Admit(100 * MILLI, 400 * MILLI, false));
  }

  /// Breaks if the request's own compute time is forgotten.
  @Test
  void decide_idleDevice_ownTimeDecides() {
    long enough = (long) (40 * Admission.CAUTION);
    assertThat(decide(40, enough, backlog(0, 0))).isEqualTo(new Admit(40 * MILLI, 0, false));
    assertThat(decide(40, enough - 1, backlog(0, 0))).isEqualTo(new Unreachable(50 * MILLI, MILLI));
  }

  /// 210 tokens ahead and 40 own fill three batches of 100.
  @Test
  void decide_queueAhead_lastBatchCountsAsFull() {
    long enough = (long) (300 * Admission.CAUTION);
    assertThat(decide(40, enough, backlog(210, 4))).isEqualTo(new Admit(300 * MILLI, 0, false));
    assertThat(decide(40, enough - 1, backlog(210, 4))).isInstanceOf(Unreachable.class);
  }

  /// Breaks if a request stands back so long that it misses its deadline, for ever, or not at all.
  @Test
  void decide_deadlineLeavesRoom_standsBackAsFarAsThatGoes() {
    long room = 25;
    long left = (long) ((40 + room) * Admission.CAUTION) + 1;
    assertThat(((Admit) decide(40, left, backlog(0, 0))).standsBackNanos())
        .isBetween(room * MILLI, (room + 1) * MILLI);
    assertThat(decide(40, 10_000, backlog(0, 0)))
        .isEqualTo(new Admit(40 * MILLI, 160 * MILLI, false));
    assertThat(decide(900, 10_000, backlog(0, 0)))
        .isEqualTo(new Admit(900 * MILLI, 2000 * MILLI, false));
  }

  @Test
  void decide_batchInProgress_counts() {
    assertThat(ADMISSION.decide(40, 60 * MILLI, backlog(0, 0), List.of(), new long[] {20 * MILLI}))
        .isEqualTo(new Unreachable(75 * MILLI, 15 * MILLI));
  }

  /// Breaks if another model's whole backlog counts, or none of it: it gets as many tokens
  /// meanwhile, and a batch more.
  @Test
  void decide_otherModelBusy_itsFairShareComesInBetween() {
    Verdict verdict = decide(100, 1, backlog(0, 0), backlog(900, 3));
    assertThat(verdict).isInstanceOf(Unreachable.class);
    assertThat(((Unreachable) verdict).estimateNanos()).isEqualTo(375 * MILLI);
  }

  /// Breaks if a bad estimate could refuse everything for ever.
  @Test
  void decide_idleAndEstimateStale_admittedAsProbe() {
    Backlog stale = new Backlog(0, 0, 0, 100, COST, Admission.STALE_NANOS + 1, Admission.CAUTION);
    Backlog fresh = new Backlog(0, 0, 0, 100, COST, Admission.STALE_NANOS, Admission.CAUTION);
    assertThat(decide(100, 5, stale)).isEqualTo(new Admit(100 * MILLI, 0, true));
    assertThat(decide(100, 5, fresh)).isInstanceOf(Unreachable.class);
    assertThat(decide(100, 5, stale, backlog(10, 1))).isInstanceOf(Unreachable.class);
    assertThat(ADMISSION.decide(100, 5 * MILLI, stale, List.of(), new long[] {1}))
        .isInstanceOf(Unreachable.class);
  }

  /// Breaks if only the device that is free first is reckoned with, or all are as if they were free
  /// at once.
  @Test
  void start_severalDevices_workGoesWhereItCanBeginFirst() {
    assertThat(Admission.start(new long[] {20}, 30)).isEqualTo(50);
    assertThat(Admission.start(new long[] {20, 0}, 0)).isZero();
    assertThat(Admission.start(new long[] {20, 0}, 15)).isEqualTo(15);
    assertThat(Admission.start(new long[] {20, 0}, 30)).isEqualTo(25);
    assertThat(Admission.start(new long[] {20, 0, 10, 10}, 40)).isEqualTo(20);
  }

  /// 300 tokens ahead go to two devices; the request's own batch can't be shared.
  @Test
  void decide_twoDevices_aheadIsSharedAndTheOwnBatchIsNot() {
    long[] busy = {0, 100 * MILLI};
    assertThat(ADMISSION.decide(100, Long.MAX_VALUE, backlog(300, 3), List.of(), busy))
        .isEqualTo(new Admit(300 * MILLI, 400 * MILLI, false));
    assertThat(ADMISSION.decide(100, Long.MAX_VALUE, backlog(0, 0), List.of(), busy))
        .isEqualTo(new Admit(100 * MILLI, 400 * MILLI, false));
  }

  /// Breaks if a deadline that passes this very moment still counts.
  @Test
  void decide_nothingLeft_passed() {
    assertThat(decide(1, 0, backlog(0, 0))).isEqualTo(new Admission.Passed());
  }

  /// Breaks if a probe joins a queue: one text of a lower priority waits.
  @Test
  void decide_staleButQueueNotEmpty_noProbe() {
    Backlog waiting =
        new Backlog(0, 0, 10, 100, COST, Admission.STALE_NANOS + 1, Admission.CAUTION);
    assertThat(decide(100, 5, waiting)).isInstanceOf(Unreachable.class);
  }

  /// Breaks if a client is told to come back in no time.
  @Test
  void decide_almostInTime_retryNotBeforeAMillisecond() {
    long left = (long) (40 * MILLI * Admission.CAUTION) - 1;
    assertThat(ADMISSION.decide(40, left, backlog(0, 0), List.of(), IDLE))
        .isEqualTo(new Unreachable(50 * MILLI, MILLI));
  }
}
