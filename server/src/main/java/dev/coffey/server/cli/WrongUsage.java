package dev.coffey.server.cli;

/// Options that don't go together; the message is the whole line for the user.
final class WrongUsage extends RuntimeException {
  private static final long serialVersionUID = 1L;

  WrongUsage(String message) {
    super(message);
  }
}
