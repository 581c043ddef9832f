package dev.coffey.server.batch;

import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// Texts for tests, and runners that answer each with its own first id and length, so that a
/// swapped or lost answer shows.
final class Texts {
  static final List<Priority> PRIORITIES = List.of(Priority.values());

  private static final List<Readout> HEAD = List.of(new Readout.Head());

  private Texts() {}

  static TextInput text(int tokens, int mark) {
    int[] ids = new int[tokens];
    ids[0] = mark;
    return new TextInput(ids, new int[tokens], IntStream.range(0, tokens).toArray(), HEAD);
  }

  static TextInput text(int tokens) {
    return text(tokens, 0);
  }

  static List<TextInput> texts(int... tokens) {
    List<TextInput> texts = new ArrayList<>();
    for (int i = 0; i < tokens.length; i++) {
      texts.add(text(tokens[i], i));
    }
    return texts;
  }

  static List<List<Matrix>> answers(List<TextInput> texts) {
    List<List<Matrix>> answers = new ArrayList<>(texts.size());
    for (TextInput text : texts) {
      answers.add(List.of(new Matrix(1, 2, new float[] {text.ids()[0], text.tokens()})));
    }
    return answers;
  }
}
