package dev.coffey.server.batch;

import static dev.coffey.server.batch.Simulation.MILLI;
import static dev.coffey.server.batch.Simulation.SECOND;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.coffey.server.batch.Simulation.Call;
import dev.coffey.server.batch.Simulation.Device;
import dev.coffey.server.batch.Simulation.Lengths;
import dev.coffey.server.failure.InferenceException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The real batcher under load, in virtual time. Each run is told by its seed.
final class SimulationTest {
  private static final Logger LOG = LoggerFactory.getLogger(SimulationTest.class);
  private static final Lengths MIXED = Lengths.skewed(300, 4);
  private static final Lengths SHORT = Lengths.skewed(64, 1);

  enum Machine {
    CPU_BASE,
    CPU_SMALL,
    GPU;

    Device device() {
      return switch (this) {
        case CPU_BASE -> Device.CPU_BASE;
        case CPU_SMALL -> Device.CPU_SMALL;
        case GPU -> Device.GPU;
      };
    }

    /// Fast machines answer many requests: less of their time shows the same.
    long simulatedNanos() {
      return switch (this) {
        case CPU_BASE -> 20 * SECOND;
        case CPU_SMALL -> 5 * SECOND;
        case GPU -> SECOND;
      };
    }

    int maxTokens() {
      return switch (this) {
        case CPU_BASE -> 128;
        case CPU_SMALL -> 512;
        case GPU -> 4096;
      };
    }
  }

  /// Thousands of small worlds: models, devices, batches in flight, settings, arrivals, priorities,
  /// deadlines, cancellations, devices that are lost, all drawn. Breaks with any lost, doubled,
  /// swapped or unaccounted request.
  @Test
  void anyPattern_everyRequestEndsOnceAndQueuesStayBounded() {
    for (long seed = 0; seed < 2000; seed++) {
      Random random = new Random(seed);
      BatchConfig config =
          new BatchConfig(
              0,
              1 + random.nextInt(64),
              Duration.ofMillis(random.nextInt(3) * 4L),
              Duration.ofMillis(1 + random.nextInt(500)),
              200 + random.nextInt(4000),
              1 + random.nextInt(60),
              3);
      // One device that computes one batch at a time in half of them.
      int devices = seed % 2 == 0 ? 1 : 1 + random.nextInt(3);
      int inFlight = seed % 2 == 0 ? 1 : 1 + random.nextInt(2);
      try (Simulation world = new Simulation(seed, config, devices, inFlight)) {
        if (seed % 2 == 1) {
          world.stagingNanos = random.nextInt(3) * MILLI / 2;
          for (int device = 0; device < devices; device++) {
            if (random.nextInt(4) == 0) {
              int which = device;
              world.at(world.now() + random.nextInt(500) * MILLI, () -> world.lost[which] = true);
            }
          }
        }
        pattern(world, random);
        long end = world.now() + SECOND / 2;
        world.runUntil(end);
        check(world, seed);
      }
    }
  }

  private static void pattern(Simulation world, Random random) {
    int models = 1 + random.nextInt(3);
    for (int model = 0; model < models; model++) {
      double wrong = Math.pow(10, 2 * random.nextDouble() - 1);
      Device device =
          new Device(
              random.nextInt(4) * MILLI / 2, 1000 + random.nextInt(200_000), 0.3, 20, 20 * MILLI);
      int maxTokens = 16 + random.nextInt(500);
      world.model(
          device,
          new WarmUp(
              maxTokens,
              new BatchCost(device.fixedNanos() * wrong, device.perTokenNanos() * wrong)));
    }
    int requests = 5 + random.nextInt(60);
    Lengths lengths = Lengths.skewed(16 + random.nextInt(400), 1 + random.nextInt(8));
    boolean burst = random.nextBoolean();
    for (int i = 0; i < requests; i++) {
      long at = world.now() + (burst ? random.nextInt(5) : random.nextInt(500)) * MILLI;
      int model = random.nextInt(models);
      Priority priority = Texts.PRIORITIES.get(random.nextInt(3));
      long deadline = random.nextInt(3) == 0 ? Long.MAX_VALUE : random.nextInt(300) * MILLI;
      long cancelAfter = random.nextInt(5) == 0 ? random.nextInt(100) * MILLI : -1;
      world.at(
          at,
          () -> {
            Call call =
                world.submit(model, lengths.draw(world.random), priority, deadline, () -> {});
            QueueStats stats = world.queues.get(model).stats();
            assertThat(stats.queuedTokens())
                .isLessThanOrEqualTo(3L * world.config.queueMaxTokens());
            assertThat(stats.queuedRequests())
                .isLessThanOrEqualTo(3 * world.config.queueMaxRequests());
            Submission submission = call.submission;
            if (submission != null && cancelAfter >= 0) {
              world.at(world.now() + cancelAfter, submission::cancel);
            }
          });
    }
  }

  private static void check(Simulation world, long seed) {
    for (Call call : world.calls) {
      assertThat(call.endings).as("endings, seed %d", seed).isEqualTo(1);
      assertThat(call.result != null || call.refusal != null || call.failure != null).isTrue();
      if (call.failure != null) {
        boolean lost = any(world.lost);
        boolean allLost = lost && !any(not(world.lost));
        assertThat(
                call.failure instanceof InferenceException.DeadlineExceeded
                    || call.failure instanceof InferenceException.Cancelled
                    || (lost && call.failure instanceof InferenceException.DeviceFault)
                    || (allLost && call.failure instanceof InferenceException.Unavailable))
            .as("seed %d: %s", seed, call.failure)
            .isTrue();
      }
      BatchResult result = call.result;
      if (result == null) {
        continue;
      }
      assertThat(result.outputs()).hasSameSizeAs(call.texts);
      for (int i = 0; i < call.texts.size(); i++) {
        assertThat(result.outputs().get(i).getFirst().values())
            .as("whose answer, seed %d", seed)
            .containsExactly(call.texts.get(i).ids()[0], call.texts.get(i).tokens());
      }
      if (world.lost.length == 1) {
        assertThat(result.queueNanos() + result.computeNanos())
            .as("seed %d", seed)
            .isLessThanOrEqualTo(call.waitNanos());
      }
      assertThat(result.batchTokens()).isGreaterThanOrEqualTo(call.tokens);
    }
    for (int model = 0; model < world.queues.size(); model++) {
      int which = model;
      QueueStats stats = world.queues.get(model).stats();
      assertThat(stats.queuedTokens()).as("seed %d", seed).isZero();
      assertThat(stats.queuedRequests()).isZero();
      assertThat(stats.queuedTexts()).isZero();
      assertThat(stats.openRequests()).isZero();
      assertThat(stats.admitted())
          .isEqualTo(
              world.calls.stream().filter(c -> c.model == which && c.refusal == null).count())
          .isEqualTo(
              stats.answered()
                  + stats.expired()
                  + stats.cancelled()
                  + stats.faulted()
                  + stats.abandoned());
      assertThat(stats.computeNanosExpired()).isZero();
    }
  }

  private static boolean any(boolean[] flags) {
    for (boolean flag : flags) {
      if (flag) {
        return true;
      }
    }
    return false;
  }

  private static boolean[] not(boolean[] flags) {
    boolean[] others = new boolean[flags.length];
    for (int i = 0; i < flags.length; i++) {
      others[i] = !flags[i];
    }
    return others;
  }

  /// What the issue asks for, with margin: at least 85 % of the peak answered in time, at most 2 %
  /// of the compute on requests already expired. Breaks without admission by estimated wait, or
  /// with one that is blind to the batch in progress.
  @ParameterizedTest
  @CsvSource({
    "CPU_BASE, 2, 1",
    "CPU_BASE, 5, 1",
    "CPU_SMALL, 2, 1",
    "CPU_SMALL, 5, 1",
    "GPU, 2, 1",
    "GPU, 5, 1",
    // The warm-up's figure 10 times too high and too low.
    "CPU_BASE, 2, 10",
    "CPU_BASE, 2, 0.1",
    "CPU_SMALL, 2, 10",
    "CPU_SMALL, 2, 0.1"
  })
  void overload_deadlinesOfOneSecond_goodputNearPeak(
      Machine machine, double load, double warmUpFactor) {
    for (Lengths lengths : List.of(MIXED, SHORT)) {
      double peak = machine.device().capacity(machine.maxTokens());
      try (Simulation world = new Simulation(11, BatchConfig.DEFAULT)) {
        Device device = machine.device();
        int model =
            world.model(
                device,
                new WarmUp(
                    machine.maxTokens(),
                    new BatchCost(
                        device.fixedNanos() * warmUpFactor,
                        device.perTokenNanos() * warmUpFactor)));
        long time = machine.simulatedNanos();
        double perSecond = load * peak / world.meanTokens(lengths);
        world.arrivals(model, perSecond, world.now() + time, lengths, Priority.NORMAL, SECOND);
        admittedAreAnswered(goodput(world, model, time, peak, machine + " x" + load));
      }
    }
  }

  /// A neighbour slows the machine by 1.6 for three seconds of every six. The peak is what the
  /// machine can do on average. Breaks where admission and batches trust the mean alone: then 4 to
  /// 6 % of the compute go to requests that expire meanwhile.
  @ParameterizedTest
  @CsvSource({"2, 1", "5, 2"})
  void overload_speedComesAndGoes_goodputNearPeak(double load, long seed) {
    double slow = 1.6;
    double peak = Device.CPU_BASE.capacity(128) * (1 + 1 / slow) / 2;
    try (Simulation world = new Simulation(seed, BatchConfig.DEFAULT)) {
      int model = world.model(Device.CPU_BASE, 128);
      for (int second = 3; second < 60; second += 3) {
        double slowness = second / 3 % 2 == 0 ? 1 : slow;
        world.at(world.now() + second * SECOND, () -> world.slowness = slowness);
      }
      double perSecond = load * peak / world.meanTokens(SHORT);
      world.arrivals(model, perSecond, world.now() + 60 * SECOND, SHORT, Priority.NORMAL, SECOND);
      QueueStats stats = goodput(world, model, 60 * SECOND, peak, "comes and goes x" + load);
      // Each time that it slows down, some of those let in must go, but before they are computed.
      assertThat(stats.answered()).isGreaterThan((long) (0.85 * stats.admitted()));
    }
  }

  /// As a load test does it: twice as many clients as the peak needs, each sending the next when it
  /// has its answer, soon after a refusal.
  @ParameterizedTest
  @CsvSource({"CPU_BASE", "CPU_SMALL"})
  void overload_twiceTheClients_goodputNearPeak(Machine machine) {
    double peak = machine.device().capacity(machine.maxTokens());
    try (Simulation world = new Simulation(12, BatchConfig.DEFAULT)) {
      int model = world.model(machine.device(), machine.maxTokens());
      long end = world.now() + 20 * SECOND;
      int clients = (int) (2 * peak / world.meanTokens(SHORT));
      for (int i = 0; i < Math.min(clients, 800); i++) {
        world.client(model, end, SHORT, SECOND, 0, 100 * MILLI);
      }
      admittedAreAnswered(goodput(world, model, 20 * SECOND, peak, machine + " clients"));
    }
  }

  private static QueueStats goodput(
      Simulation world, int model, long time, double peak, String what) {
    long begin = world.now();
    world.runUntil(begin + time);
    QueueStats stats = world.queues.get(model).stats();
    double seconds = (world.now() - begin) / 1e9;
    double goodput = world.tokensInTime(model) / seconds / peak;
    double expired = stats.computeNanosExpired() / (double) stats.computeNanosTotal();
    double during = stats.computeNanosExpiredDuring() / (double) stats.computeNanosTotal();
    LOG.info(
        "{}: goodput {} of the peak, compute on expired {} %, expiring meanwhile {} %, unanswered {} %, p50 {} ms, p99 {} ms, {}",
        what,
        "%.3f".formatted(goodput),
        "%.2f".formatted(100 * expired),
        "%.2f".formatted(100 * during),
        "%.2f".formatted(100.0 * stats.computeNanosUnanswered() / stats.computeNanosTotal()),
        quantile(world, model, Priority.NORMAL, 0.5) / MILLI,
        quantile(world, model, Priority.NORMAL, 0.99) / MILLI,
        stats);
    assertThat(goodput).isGreaterThan(0.88);
    assertThat(expired).isLessThan(0.001);
    assertThat(during).isLessThan(0.02);
    return stats;
  }

  /// Refused early, not dropped late.
  private static void admittedAreAnswered(QueueStats stats) {
    assertThat(stats.answered()).isGreaterThan((long) (0.97 * stats.admitted()));
  }

  private static long quantile(Simulation world, int model, Priority priority, double q) {
    return quantile(world, model, priority, q, Call::waitNanos);
  }

  private static long quantile(
      Simulation world, int model, Priority priority, double q, ToLongFunction<Call> figure) {
    long[] sorted =
        world.calls.stream()
            .filter(c -> c.model == model && c.priority == priority && c.result != null)
            .mapToLong(figure)
            .sorted()
            .toArray();
    return sorted[(int) (q * (sorted.length - 1))];
  }

  /// Breaks if a short queue is refused, or kept waiting for company.
  @Test
  void halfLoad_nothingRefusedAndWaitsStayShort() {
    try (Simulation world = new Simulation(13, BatchConfig.DEFAULT)) {
      Machine machine = Machine.CPU_SMALL;
      int model = world.model(machine.device(), machine.maxTokens());
      double perSecond = 0.5 * machine.device().capacity(512) / world.meanTokens(MIXED);
      long end = world.now() + 30 * SECOND;
      world.arrivals(model, perSecond, end, MIXED, Priority.NORMAL, SECOND);
      world.runUntil(end);
      assertThat(world.calls.stream().filter(call -> !call.inTime())).isEmpty();
      // A full batch takes 11 ms, a pause 30.
      assertThat(quantile(world, model, Priority.NORMAL, 0.5)).isLessThan(12 * MILLI);
      assertThat(quantile(world, model, Priority.NORMAL, 0.99)).isLessThan(80 * MILLI);
    }
  }

  /// Short texts beside long ones that take half of the compute, both arriving at random. A long
  /// text takes 258 ms, and goes alone. Breaks if short ones wait for more than the one in
  /// progress: in order of arrival their p99 is 870 ms more.
  @Test
  void shortBesideLong_p99OneLongTextMoreThanAlone() {
    Lengths sixteen = _ -> new int[] {16};
    Lengths long512 = _ -> new int[] {512};
    Device device = Device.CPU_BASE;
    long longNanos = device.fixedNanos() + 512 * device.perTokenNanos();
    long[] p99 = new long[2];
    for (int longs = 0; longs < 2; longs++) {
      try (Simulation world = new Simulation(18, BatchConfig.DEFAULT)) {
        int model = world.model(device, 128);
        long end = world.now() + 600 * SECOND;
        world.arrivals(model, 10, end, sixteen, Priority.NORMAL, Long.MAX_VALUE);
        if (longs == 1) {
          world.arrivals(
              model, 0.5 * SECOND / longNanos, end, long512, Priority.NORMAL, Long.MAX_VALUE);
        }
        world.runUntil(end);
        p99[longs] = quantile(world, model, 16, 0.99);
        LOG.info(
            "short texts {}: p99 {} ms",
            longs == 0 ? "alone" : "beside long ones",
            p99[longs] / MILLI);
      }
    }
    assertThat(p99[1] - p99[0]).isLessThan((long) (1.1 * longNanos));
  }

  /// Of the waits of requests of so many tokens.
  private static long quantile(Simulation world, int model, int tokens, double q) {
    long[] sorted =
        world.calls.stream()
            .filter(c -> c.model == model && c.tokens == tokens && c.result != null)
            .mapToLong(Call::waitNanos)
            .sorted()
            .toArray();
    return sorted[(int) (q * (sorted.length - 1))];
  }

  @Test
  void twoModelsOverloaded_equalTokens() {
    try (Simulation world = new Simulation(14, BatchConfig.DEFAULT)) {
      assertEqualTokens(world, 100, 20 * SECOND);
    }
  }

  /// A model of short texts and one of mixed, each with so many clients, get the same tokens.
  private static void assertEqualTokens(Simulation world, int clients, long nanos) {
    int small = world.model(Device.CPU_SMALL, 128);
    int large = world.model(Device.CPU_SMALL, 512);
    long end = world.now() + nanos;
    for (int i = 0; i < clients; i++) {
      world.client(small, end, SHORT, Long.MAX_VALUE, 0, 10 * MILLI);
      world.client(large, end, MIXED, Long.MAX_VALUE, 0, 10 * MILLI);
    }
    // At the end of the load: what waits then differs.
    List<Long> tokens = new ArrayList<>();
    world.at(end, () -> world.queues.forEach(queue -> tokens.add(queue.stats().batchTokens())));
    world.runUntil(end);
    assertThat(tokens.getFirst() / (double) tokens.getLast()).isCloseTo(1, within(0.005));
  }

  /// Breaks if admission reckons with a model's own queue only: half its requests would come too
  /// late.
  @Test
  void twoModelsOverloadedWithDeadlines_goodputNearPeakAndShared() {
    try (Simulation world = new Simulation(15, BatchConfig.DEFAULT)) {
      int one = world.model(Device.CPU_SMALL, 512);
      int two = world.model(Device.CPU_SMALL, 512);
      long end = world.now() + 20 * SECOND;
      double peak = Device.CPU_SMALL.capacity(512);
      for (int model : new int[] {one, two}) {
        world.arrivals(model, peak / world.meanTokens(MIXED), end, MIXED, Priority.NORMAL, SECOND);
      }
      world.runUntil(end);
      double first = world.tokensInTime(one) / 20.0 / peak;
      double second = world.tokensInTime(two) / 20.0 / peak;
      assertThat(first + second).isGreaterThan(0.88);
      assertThat(first / second).isCloseTo(1, within(0.05));
      QueueStats stats = world.queues.get(one).stats();
      assertThat(stats.answered()).isGreaterThan((long) (0.97 * stats.admitted()));
    }
  }

  /// HIGH is served as if alone; LOW, kept away by twice what the device can do, still ends.
  @Test
  void overloadOfHigh_lowIsServedAfterAging() {
    BatchConfig config =
        new BatchConfig(0, 256, Duration.ZERO, Duration.ofSeconds(2), 65_536, 10_000, 3);
    try (Simulation world = new Simulation(16, config)) {
      int model = world.model(Device.CPU_SMALL, 512);
      long end = world.now() + 20 * SECOND;
      double peak = Device.CPU_SMALL.capacity(512) / world.meanTokens(SHORT);
      world.arrivals(model, 2 * peak, end, SHORT, Priority.HIGH, SECOND / 2);
      world.arrivals(model, 0.05 * peak, end, SHORT, Priority.LOW, Long.MAX_VALUE);
      world.runUntil(end);
      assertThat(world.calls.stream().filter(c -> c.priority == Priority.LOW && c.result == null))
          .isEmpty();
      assertThat(quantile(world, model, Priority.LOW, 1.0)).isLessThan(5 * SECOND);
      assertThat(quantile(world, model, Priority.HIGH, 1.0)).isLessThan(SECOND / 2);
    }
  }

  @Test
  void overloadOfLow_highHardlyWaits() {
    try (Simulation world = new Simulation(17, BatchConfig.DEFAULT)) {
      int model = world.model(Device.CPU_SMALL, 512);
      long end = world.now() + 20 * SECOND;
      double peak = Device.CPU_SMALL.capacity(512) / world.meanTokens(SHORT);
      world.arrivals(model, 2 * peak, end, SHORT, Priority.LOW, SECOND);
      world.arrivals(model, 0.1 * peak, end, SHORT, Priority.HIGH, SECOND);
      world.runUntil(end);
      // The batch in progress, its own, perhaps a pause of 30 ms.
      assertThat(quantile(world, model, Priority.HIGH, 0.99)).isLessThan(70 * MILLI);
      assertThat(world.calls.stream().filter(c -> c.priority == Priority.HIGH && !c.inTime()))
          .isEmpty();
    }
  }

  // ---- several batches at once

  /// Tokens answered in a second by so many devices under twice the load of all, with deadlines of
  /// a second.
  private static double throughput(int devices, int inFlight, long stagingNanos) {
    Device device = Device.GPU;
    double load = 2 * devices * device.capacity(4096) / 64;
    try (Simulation world = new Simulation(21, BatchConfig.DEFAULT, devices, inFlight)) {
      world.stagingNanos = stagingNanos;
      int model = world.model(device, 4096);
      long begin = world.now();
      long end = begin + SECOND;
      Lengths lengths = _ -> new int[] {64};
      world.arrivals(model, load, end, lengths, Priority.NORMAL, SECOND);
      world.runUntil(end);
      admittedAreAnswered(world.queues.get(model).stats());
      double tokens = world.tokensInTime(model) / ((world.now() - begin) / 1e9);
      LOG.info(
          "{} devices, {} in flight, {} ms to begin a batch: {} of the peak, p99 {} ms",
          devices,
          inFlight,
          stagingNanos / (double) MILLI,
          "%.3f".formatted(tokens / device.capacity(4096)),
          quantile(world, model, Priority.NORMAL, 0.99) / MILLI);
      return tokens / device.capacity(4096);
    }
  }

  /// Breaks if the next batch is cut only once the device is idle, or admission is blind to what is
  /// in flight.
  @Test
  void twoInFlight_beginningABatchTakesTime_deviceIsKeptBusy() {
    long staging = 2 * MILLI;
    assertThat(throughput(1, 1, staging)).isLessThan(0.89);
    assertThat(throughput(1, 2, staging)).isGreaterThan(0.93);
  }

  @Test
  void twoDevices_twiceTheThroughput() {
    double one = throughput(1, 2, 0);
    double two = throughput(2, 2, 0);
    assertThat(one).isGreaterThan(0.93);
    assertThat(two / one).isCloseTo(2, within(0.05));
    assertThat(throughput(4, 2, 0) / one).isCloseTo(4, within(0.1));
  }

  /// Breaks if a second batch is cut from the first few that came while the device is at the first:
  /// then batches of one text would take turns with large ones.
  @Test
  void twoInFlight_deviceBusy_theNextBatchGathersUntilItsTurn() {
    try (Simulation world = new Simulation(22, BatchConfig.DEFAULT, 1, 2)) {
      int model = world.model(new Device(0, 10_000, 0, 0, 0), 4096);
      long begin = world.now();
      world.submit(model, new int[] {1000}, Priority.NORMAL, Long.MAX_VALUE, () -> {});
      for (int i = 1; i <= 9; i++) {
        world.at(
            begin + i * MILLI,
            () -> world.submit(model, new int[] {10}, Priority.NORMAL, Long.MAX_VALUE, () -> {}));
      }
      world.runUntil(begin + SECOND);
      assertThat(world.queues.getFirst().stats().batches()).isEqualTo(2);
      Call last = world.calls.getLast();
      assertThat(last.ended - begin).isEqualTo(10 * MILLI + 900_000);
    }
  }

  /// Likewise, but a full batch need not wait for the first to end.
  @Test
  void twoInFlight_enoughForAFullBatch_isBegunBehindTheFirst() {
    try (Simulation world = new Simulation(23, BatchConfig.DEFAULT, 1, 2)) {
      world.stagingNanos = MILLI;
      int model = world.model(new Device(0, 10_000, 0, 0, 0), 1000);
      long begin = world.now();
      for (int i = 0; i < 3; i++) {
        world.submit(model, new int[] {1000}, Priority.NORMAL, Long.MAX_VALUE, () -> {});
      }
      world.runUntil(begin + SECOND);
      assertThat(world.calls.getLast().ended - begin).isEqualTo(31 * MILLI);
    }
  }

  /// Breaks if a device takes a batch while another could begin it sooner.
  @Test
  void twoDevices_oneBusy_theOtherTakesTheNextBatch() {
    try (Simulation world = new Simulation(24, BatchConfig.DEFAULT, 2, 2)) {
      int model = world.model(new Device(0, 10_000, 0, 0, 0), 1000);
      long begin = world.now();
      for (int i = 0; i < 4; i++) {
        world.submit(model, new int[] {1000}, Priority.NORMAL, Long.MAX_VALUE, () -> {});
      }
      world.runUntil(begin + SECOND);
      assertThat(world.calls.stream().map(call -> (call.ended - begin) / MILLI))
          .containsExactly(10L, 10L, 20L, 20L);
    }
  }

  @Test
  void twoDevicesTwoModelsOverloaded_equalTokens() {
    try (Simulation world = new Simulation(25, BatchConfig.DEFAULT, 2, 2)) {
      assertEqualTokens(world, 200, 10 * SECOND);
    }
  }

  /// Half of the machine goes: admission must find out, or the queue's answers all come too late.
  @Test
  void twoDevicesOverloaded_oneIsLost_theOtherGoesOnNearItsPeak() {
    try (Simulation world = new Simulation(26, BatchConfig.DEFAULT, 2, 2)) {
      Device device = Device.CPU_SMALL;
      int model = world.model(device, 512);
      long begin = world.now();
      double peak = device.capacity(512);
      world.arrivals(
          model,
          3 * peak / world.meanTokens(SHORT),
          begin + 20 * SECOND,
          SHORT,
          Priority.NORMAL,
          SECOND);
      world.at(begin + 10 * SECOND, () -> world.lost[0] = true);
      world.runUntil(begin + 20 * SECOND);
      double after =
          world.calls.stream()
                  .filter(c -> c.inTime() && c.ended - begin > 12 * SECOND)
                  .mapToLong(c -> c.tokens)
                  .sum()
              / ((world.now() - begin) / 1e9 - 12)
              / peak;
      LOG.info("one of two devices lost: {} of the peak of the other", "%.3f".formatted(after));
      assertThat(after).isGreaterThan(0.88);
      QueueStats stats = world.queues.get(model).stats();
      // Two batches at most were on it.
      assertThat(stats.faulted()).isBetween(1L, 200L);
      assertThat(stats.abandoned()).isZero();
      assertThat(stats.computeNanosExpired()).isZero();
    }
  }

  @Test
  void allDevicesLost_whatWaitsAndWhatComesIsRefused() {
    try (Simulation world = new Simulation(27, BatchConfig.DEFAULT, 2, 2)) {
      int model = world.model(new Device(0, 10_000, 0, 0, 0), 1000);
      long begin = world.now();
      for (int i = 0; i < 8; i++) {
        world.submit(model, new int[] {1000}, Priority.NORMAL, Long.MAX_VALUE, () -> {});
      }
      world.at(
          begin + MILLI,
          () -> {
            world.lost[0] = true;
            world.lost[1] = true;
          });
      world.runUntil(begin + SECOND);
      assertThat(world.calls.stream().map(call -> call.failure))
          .satisfiesExactly(
              f -> assertThat(f).isInstanceOf(InferenceException.DeviceFault.class),
              f -> assertThat(f).isInstanceOf(InferenceException.DeviceFault.class),
              f -> assertThat(f).isInstanceOf(InferenceException.DeviceFault.class),
              f -> assertThat(f).isInstanceOf(InferenceException.DeviceFault.class),
              f -> assertThat(f).isInstanceOf(InferenceException.Unavailable.class),
              f -> assertThat(f).isInstanceOf(InferenceException.Unavailable.class),
              f -> assertThat(f).isInstanceOf(InferenceException.Unavailable.class),
              f -> assertThat(f).isInstanceOf(InferenceException.Unavailable.class));
      world.submit(model, new int[] {10}, Priority.NORMAL, Long.MAX_VALUE, () -> {});
      assertThat(world.calls.getLast().refusal)
          .isInstanceOf(InferenceException.Unavailable.class)
          .hasMessageContaining("no device is left");
    }
  }
}
