package dev.coffey.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LoadRunTest {
  private static final Duration LENGTH = Duration.ofMillis(600);

  private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();

  @AfterEach
  void stop() {
    timer.shutdownNow();
  }

  /// A server whose `index`-th request ends as it says, at once.
  private static final class Fake implements Sender {
    private final IntFunction<Status> answers;
    private final AtomicInteger sent = new AtomicInteger();

    Fake(IntFunction<Status> answers) {
      this.answers = answers;
    }

    @Override
    public int requests() {
      return 10;
    }

    @Override
    public int tokens(int request) {
      return 7;
    }

    @Override
    public void send(int request, long deadlineNanos, Consumer<Status> ended) {
      ended.accept(answers.apply(sent.getAndIncrement()));
    }
  }

  // The gaps of a Poisson process have their mean as standard deviation; of a steady one it is 0.
  @Test
  void arrivals_many_haveTheRateAndTheSpreadOfPoisson() {
    Arrivals arrivals = new Arrivals(200, 3);
    long last = 0;
    int count = 100_000;
    double[] gaps = new double[count];
    for (int i = 0; i < count; i++) {
      long next = arrivals.next();
      gaps[i] = next - last;
      last = next;
    }
    double mean = IntStream.range(0, count).mapToDouble(i -> gaps[i]).average().orElseThrow();
    double variance =
        IntStream.range(0, count)
            .mapToDouble(i -> (gaps[i] - mean) * (gaps[i] - mean))
            .average()
            .orElseThrow();
    assertThat(mean).isCloseTo(5e6, within(1e5));
    assertThat(Math.sqrt(variance)).isCloseTo(5e6, within(1e5));
    long within = IntStream.range(0, count).filter(i -> gaps[i] < 5e6).count();
    assertThat(within / (double) count).isCloseTo(1 - Math.exp(-1), within(0.01));
  }

  @Test
  void arrivals_rateThatIsNone_isRefused() {
    assertThatThrownBy(() -> new Arrivals(0, 1)).hasMessageContaining("0.0 requests a second");
  }

  // Coordinated omission. A server that blocks its caller for a third of the time sees few requests
  // meanwhile; those that were due then have waited all the same. Breaks if time counts from when a
  // request was sent: then one request of many is slow.
  @Test
  void open_serverThatStallsItsCaller_isSlowForAllThatWereDueMeanwhile()
      throws InterruptedException {
    Fake stalling =
        new Fake(index -> {
          if (index == 40) {
            sleep(200);
          }
          return Status.OK;
        });
    Step step = LoadRun.open(stalling, new Arrivals(200, 1), 200, LENGTH, Duration.ZERO);
    assertThat(step.answered()).isEqualTo(step.sent()).isBetween(70L, 170L);
    assertThat(step.latency().p90()).isGreaterThan(50);
    assertThat(step.latency().p99()).isGreaterThan(150);
  }

  // The same, where the server takes requests but does not answer for a while.
  @Test
  void open_serverThatAnswersLate_showsTheStallAtTheHighPercentiles() throws InterruptedException {
    long start = System.nanoTime();
    Sender stalling =
        new Sender() {
          @Override
          public int requests() {
            return 1;
          }

          @Override
          public int tokens(int request) {
            return 1;
          }

          @Override
          public void send(int request, long deadlineNanos, Consumer<Status> ended) {
            long millis = (System.nanoTime() - start) / 1_000_000;
            long wait = millis >= 200 && millis < 400 ? 400 - millis : 0;
            var _ = timer.schedule(() -> ended.accept(Status.OK), wait, TimeUnit.MILLISECONDS);
          }
        };
    Step step = LoadRun.open(stalling, new Arrivals(200, 1), 200, LENGTH, Duration.ZERO);
    assertThat(step.latency().p99()).isGreaterThan(100);
    assertThat(step.latency().most()).isGreaterThan(step.latency().p50());
  }

  @Test
  void open_refusalsAndLateOnes_areNoGoodput() throws InterruptedException {
    Fake mixed =
        new Fake(index ->
            switch (index % 4) {
              case 0 -> Status.OK;
              case 1 -> Status.RESOURCE_EXHAUSTED;
              case 2 -> Status.UNAVAILABLE;
              default -> Status.DEADLINE_EXCEEDED;
            });
    Step step = LoadRun.open(mixed, new Arrivals(400, 1), 400, LENGTH, Duration.ofSeconds(1));
    assertThat(step.answered() + step.refused() + step.late()).isEqualTo(step.sent());
    assertThat(step.refused()).isCloseTo(step.sent() / 2, within(2L));
    assertThat(step.refusal().count()).isEqualTo(step.refused());
    assertThat(step.latency().count()).isEqualTo(step.answered());
    assertThat(step.tokensPerSecond()).isCloseTo(7 * step.textsPerSecond(), within(1e-9));
  }

  // Breaks if an answer after the deadline counts as goodput.
  @Test
  void open_answeredAfterTheDeadline_isLate() throws InterruptedException {
    Fake slow =
        new Fake(_ -> {
          sleep(5);
          return Status.OK;
        });
    Step step =
        LoadRun.open(slow, new Arrivals(50, 1), 50, Duration.ofMillis(200), Duration.ofMillis(1));
    assertThat(step.late()).isEqualTo(step.sent()).isPositive();
    assertThat(step.answered()).isZero();
  }

  @Test
  void closed_clients_neverHaveMoreInFlight() throws InterruptedException {
    AtomicInteger inFlight = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    Sender slow =
        new Sender() {
          @Override
          public int requests() {
            return 3;
          }

          @Override
          public int tokens(int request) {
            return 2;
          }

          @Override
          public void send(int request, long deadlineNanos, Consumer<Status> ended) {
            most.accumulateAndGet(inFlight.incrementAndGet(), Math::max);
            var _ =
                timer.schedule(
                    () -> {
                      inFlight.decrementAndGet();
                      ended.accept(Status.OK);
                    },
                    5,
                    TimeUnit.MILLISECONDS);
          }
        };
    Step step = LoadRun.closed(slow, 4, LENGTH, Duration.ZERO);
    assertThat(most).hasValue(4);
    assertThat(step.answered()).isPositive().isLessThanOrEqualTo(step.sent());
    assertThat(step.latency().p50()).isGreaterThanOrEqualTo(5);
  }

  @Test
  void load_otherFailure_isNamed() {
    Fake broken = new Fake(_ -> Status.NOT_FOUND.withDescription("no model x"));
    assertThatThrownBy(() -> LoadRun.closed(broken, 1, Duration.ofMillis(200), Duration.ZERO))
        .hasMessageContaining("requests failed")
        .hasMessageContaining("no model x");
    assertThatThrownBy(() -> LoadRun.all(broken, 2)).hasMessageContaining("no model x");
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
