package dev.coffey.server.batch;

/// A request as [BatchPolicy] sees it: what is left of it to compute, and until when.
interface Waiting {
  Priority priority();

  long arrivalNanos();

  /// Its place among those of its priority, in the ticker's time: later than its arrival by what it
  /// stands back for requests that ask for less.
  long turnNanos();

  /// In the ticker's time; [Ticker#NO_DEADLINE] if there is none.
  long deadlineNanos();

  /// Whether it was answered, cancelled or failed already: no text of it may be computed any more.
  boolean ended();

  /// Whether it is to be computed even if it looks late: it was let in to find out what a batch
  /// costs.
  boolean probe();

  /// The first text not yet cut; those before it were.
  int nextText();

  /// How many texts it has in all, at least one more than [#nextText()].
  int texts();

  /// The tokens of one text, at least 1.
  int tokens(int text);

  /// The tokens of all texts from [#nextText()] on.
  long tokensLeft();
}
