package dev.coffey.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RetryPolicyTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private final Random random = new Random(7);

  private static CoffeyException failure(StatusRuntimeException e) {
    return CoffeyException.ofCall("test:1", e);
  }

  @Test
  void delay_serverSaysWhen_waitsAtLeastThatAndAtMostAFifthMore() {
    var failure =
        failure(FakeServer.withRetryInfo(Status.Code.RESOURCE_EXHAUSTED, Duration.ofMillis(500)));
    for (int i = 0; i < 1000; i++) {
      assertThat(RetryPolicy.STANDARD.delay(1, failure, LONG, random).orElseThrow())
          .isBetween(Duration.ofMillis(500), Duration.ofMillis(600));
    }
  }

  @Test
  void delay_unavailableWithoutADelay_isRandomUpToADoublingLimit() {
    var failure = failure(FakeServer.failure(Status.Code.UNAVAILABLE, "starting"));
    var policy = new RetryPolicy(20, Duration.ofMillis(100), Duration.ofMillis(350));
    long[] limits = {100, 200, 350, 350};
    for (int attempt = 1; attempt <= limits.length; attempt++) {
      Duration longest = Duration.ZERO;
      for (int i = 0; i < 2000; i++) {
        Duration delay = policy.delay(attempt, failure, LONG, random).orElseThrow();
        longest = delay.compareTo(longest) > 0 ? delay : longest;
      }
      assertThat(longest)
          .isBetween(
              Duration.ofMillis(limits[attempt - 1] * 9 / 10),
              Duration.ofMillis(limits[attempt - 1]));
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Status.Code.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"OK", "UNAVAILABLE", "RESOURCE_EXHAUSTED"})
  void delay_anyOtherCode_givesUpEvenWithRetryInfo(Status.Code code) {
    assertThat(
            RetryPolicy.STANDARD.delay(
                1, failure(FakeServer.withRetryInfo(code, Duration.ofMillis(1))), LONG, random))
        .isEmpty();
  }

  @Test
  void delay_exhaustedWithoutADelay_givesUp() {
    // grpc's own "message too large" is such a status: the same request can never pass.
    var failure = failure(FakeServer.failure(Status.Code.RESOURCE_EXHAUSTED, "message too large"));
    assertThat(RetryPolicy.STANDARD.delay(1, failure, LONG, random)).isEmpty();
  }

  @Test
  void delay_longerThanTheTimeLeft_givesUp() {
    var failure =
        failure(FakeServer.withRetryInfo(Status.Code.UNAVAILABLE, Duration.ofMillis(500)));
    assertThat(RetryPolicy.STANDARD.delay(1, failure, Duration.ofMillis(500), random)).isEmpty();
  }

  @Test
  void delay_lastAttempt_givesUp() {
    var failure = failure(FakeServer.failure(Status.Code.UNAVAILABLE, "starting"));
    assertThat(RetryPolicy.STANDARD.delay(3, failure, LONG, random)).isPresent();
    assertThat(RetryPolicy.STANDARD.delay(4, failure, LONG, random)).isEmpty();
    assertThat(RetryPolicy.NONE.delay(1, failure, LONG, random)).isEmpty();
  }

  @Test
  void delay_pushback_isTheDelayAndNegativeOrUnreadableForbids() {
    var asked = failure(FakeServer.withPushback(Status.Code.RESOURCE_EXHAUSTED, "70"));
    assertThat(RetryPolicy.STANDARD.delay(1, asked, LONG, random).orElseThrow())
        .isBetween(Duration.ofMillis(70), Duration.ofMillis(84));
    for (String forbidden : new String[] {"-1", "soon"}) {
      var failure = failure(FakeServer.withPushback(Status.Code.UNAVAILABLE, forbidden));
      assertThat(RetryPolicy.STANDARD.delay(1, failure, LONG, random)).isEmpty();
    }
  }

  @Test
  void budget_failuresWithoutSuccess_endsAfterFourRetriesAndComesBackWithSuccesses() {
    var budget = new RetryBudget();
    int granted = 0;
    while (budget.spend()) {
      granted++;
    }
    assertThat(granted).isEqualTo(4);
    for (int i = 0; i < 10; i++) {
      budget.earn();
    }
    assertThat(budget.spend()).as("10 successes give one token back: still half").isFalse();
    for (int i = 0; i < 21; i++) {
      budget.earn();
    }
    assertThat(budget.spend()).isTrue();
  }

  @Test
  void policy_badValues_areRefusedByName() {
    Duration second = Duration.ofSeconds(1);
    assertThatThrownBy(() -> new RetryPolicy(0, second, second))
        .hasMessageContaining("maxAttempts");
    assertThatThrownBy(() -> new RetryPolicy(2, second, Duration.ofMillis(1)))
        .hasMessageContaining("backoff");
    assertThatThrownBy(() -> new RetryPolicy(2, Duration.ZERO, second))
        .hasMessageContaining("backoff");
  }
}
