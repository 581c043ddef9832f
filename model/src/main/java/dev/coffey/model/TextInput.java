package dev.coffey.model;

import dev.coffey.model.tokenize.Encoding;
import java.util.Arrays;
import java.util.List;

/// One text as the encoder reads it: token ids with their specials, segment ids, positions, and
/// what to read of it. Positions rise strictly; they are 0, 1, 2 … unless a caller left tokens out.
/// The arrays are not copied: the caller must not change them any more.
@SuppressWarnings("ArrayRecordComponent") // boxed numbers would cost more than the computation
public record TextInput(int[] ids, int[] types, int[] positions, List<Readout> readouts) {
  public TextInput {
    if (ids.length == 0 || ids.length != types.length || ids.length != positions.length) {
      throw new IllegalArgumentException(
          "text input: %d ids, %d types, %d positions (all must be the same, at least 1)"
              .formatted(ids.length, types.length, positions.length));
    }
  }

  /// A text as a tokenizer made it: at positions 0, 1, 2 …
  public static TextInput of(Encoding encoding, List<Readout> readouts) {
    int[] positions = new int[encoding.tokens()];
    Arrays.setAll(positions, i -> i);
    return new TextInput(encoding.ids(), encoding.types(), positions, readouts);
  }

  /// The number of tokens.
  public int tokens() {
    return ids.length;
  }
}
