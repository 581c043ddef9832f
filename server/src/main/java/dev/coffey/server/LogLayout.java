package dev.coffey.server;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.LayoutBase;
import java.time.LocalTime;
import java.time.ZoneId;

/// A line of the log: `12:34:56.789 INFO Serve: message`, then the stack trace if there is one.
///
/// In code, since Logback's `PatternLayout` makes 66 lambdas for the words of its patterns, of
/// which four would be used. Any thread may call it.
final class LogLayout extends LayoutBase<ILoggingEvent> {
  private static final int LEVEL_WIDTH = 5;

  private final ZoneId zone = ZoneId.systemDefault();

  @Override
  public String doLayout(ILoggingEvent event) {
    LocalTime time = LocalTime.ofInstant(event.getInstant(), zone);
    String logger = event.getLoggerName();
    String level = event.getLevel().toString();
    StringBuilder line = new StringBuilder(128);
    number(line, time.getHour(), 2).append(':');
    number(line, time.getMinute(), 2).append(':');
    number(line, time.getSecond(), 2).append('.');
    number(line, time.getNano() / 1_000_000, 3)
        .append(' ')
        .append(level)
        .repeat(' ', Math.max(0, LEVEL_WIDTH - level.length()))
        .append(' ')
        .append(logger, logger.lastIndexOf('.') + 1, logger.length())
        .append(": ")
        .append(event.getFormattedMessage())
        .append(System.lineSeparator());
    IThrowableProxy thrown = event.getThrowableProxy();
    if (thrown != null) {
      line.append(ThrowableProxyUtil.asString(thrown));
    }
    return line.toString();
  }

  private static StringBuilder number(StringBuilder line, int number, int digits) {
    String text = Integer.toString(number);
    return line.repeat('0', digits - text.length()).append(text);
  }
}
