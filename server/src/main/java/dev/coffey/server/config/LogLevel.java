package dev.coffey.server.config;

/// How much the log says.
public enum LogLevel {
  DEBUG,
  INFO,
  WARN,
  ERROR
}
