package dev.coffey.server.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import dev.coffey.server.config.LogLevel;
import org.slf4j.LoggerFactory;

/// Sets how much the log on stderr says: of Coffey what was asked for, of the libraries warnings at
/// most.
final class Logs {
  private Logs() {}

  static void setLevel(LogLevel level) {
    Level coffey =
        switch (level) {
          case DEBUG -> Level.DEBUG;
          case INFO -> Level.INFO;
          case WARN -> Level.WARN;
          case ERROR -> Level.ERROR;
        };
    logger("dev.coffey").setLevel(coffey);
    logger(org.slf4j.Logger.ROOT_LOGGER_NAME)
        .setLevel(coffey.isGreaterOrEqual(Level.WARN) ? coffey : Level.WARN);
  }

  private static Logger logger(String name) {
    return (Logger) LoggerFactory.getLogger(name);
  }
}
