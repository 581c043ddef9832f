package dev.coffey.server;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class LogLayoutTest {
  private static final Instant TIME =
      LocalDateTime.of(2026, 1, 2, 3, 4, 5, 6_000_000).atZone(ZoneId.systemDefault()).toInstant();

  private static String line(Level level, @Nullable Throwable thrown) {
    Logger logger = new LoggerContext().getLogger("dev.coffey.server.cli.Serve");
    LoggingEvent event =
        new LoggingEvent("", logger, level, "port {} is taken", thrown, new Object[] {8500});
    event.setInstant(TIME);
    return new LogLayout().doLayout(event);
  }

  @Test
  void doLayout_message_isTimeLevelClassAndMessage() {
    assertThat(line(Level.INFO, null))
        .isEqualTo("03:04:05.006 INFO  Serve: port 8500 is taken" + System.lineSeparator());
    assertThat(line(Level.ERROR, null)).startsWith("03:04:05.006 ERROR Serve: ");
  }

  @Test
  void doLayout_exception_itsStackTraceFollows() {
    assertThat(line(Level.WARN, new IllegalStateException("why", new RuntimeException("cause"))))
        .contains("Serve: port 8500 is taken" + System.lineSeparator())
        .contains("java.lang.IllegalStateException: why" + System.lineSeparator() + "\tat ")
        .contains("Caused by: java.lang.RuntimeException: cause");
  }
}
