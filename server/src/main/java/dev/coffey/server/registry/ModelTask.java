package dev.coffey.server.registry;

/// What a client can ask of a model through the typed API.
public enum ModelTask {
  /// Labels with scores for a text.
  CLASSIFY("classify"),
  /// A vector for a text.
  EMBED("embed");

  private final String verb;

  ModelTask(String verb) {
    this.verb = verb;
  }

  /// The task as a message names it.
  public String verb() {
    return verb;
  }
}
