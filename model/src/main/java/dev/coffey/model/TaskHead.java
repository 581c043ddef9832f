package dev.coffey.model;

import java.util.List;

/// What a checkpoint has on top of its encoder: hidden states in, numbers out, row by row.
///
/// @param perToken whether it reads every token of a text, or its first only
/// @param layers run one after the other; none for a head that gives the hidden state as it is
/// @param outputs numbers a row: labels, 2 for question answering (start, end), the vocabulary for
///   a masked LM
record TaskHead(boolean perToken, List<Dense> layers, int outputs) {
  TaskHead {
    layers = List.copyOf(layers);
  }

  static TaskHead ofFirstToken(List<Dense> layers) {
    return new TaskHead(false, layers, layers.getLast().outputs());
  }

  static TaskHead ofEveryToken(List<Dense> layers) {
    return new TaskHead(true, layers, layers.getLast().outputs());
  }
}
