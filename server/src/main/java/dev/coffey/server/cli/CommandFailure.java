package dev.coffey.server.cli;

/// A command can't do its work; the message is the whole line for the user.
final class CommandFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  CommandFailure(String message) {
    super(message);
  }
}
