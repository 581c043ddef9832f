package dev.coffey.server.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

final class BatchConfigTest {
  private static final Duration ZERO = Duration.ZERO;
  private static final Duration SECOND = Duration.ofSeconds(1);

  @Test
  void default_neverWaitsForCompany() {
    assertThat(BatchConfig.DEFAULT.maxDelay()).isZero();
    assertThat(BatchConfig.DEFAULT.maxTokens()).isZero();
  }

  @Test
  void badValue_refusedWithKeyAndValue() {
    refused(() -> new BatchConfig(-1, 1, ZERO, SECOND, 1, 1, 1), "batch.max-tokens = -1");
    refused(() -> new BatchConfig(0, 0, ZERO, SECOND, 1, 1, 1), "batch.max-texts = 0");
    refused(() -> new BatchConfig(0, 1, Duration.ofMillis(-1), SECOND, 1, 1, 1), "batch.max-delay");
    refused(() -> new BatchConfig(0, 1, ZERO, ZERO, 1, 1, 1), "batch.aging");
    refused(() -> new BatchConfig(0, 1, ZERO, SECOND, 0, 1, 1), "queue.max-tokens = 0");
    refused(() -> new BatchConfig(0, 1, ZERO, SECOND, 1, 0, 1), "queue.max-requests = 0");
    refused(() -> new BatchConfig(0, 1, ZERO, SECOND, 1, 1, 0), "batch.fault-limit = 0");
  }

  @Test
  void queueSmallerThanBatch_refused() {
    refused(() -> new BatchConfig(10, 1, ZERO, SECOND, 9, 1, 1), "queue.max-tokens = 9");
  }

  private static void refused(ThrowingCallable making, String words) {
    assertThatThrownBy(making)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(words);
  }
}
