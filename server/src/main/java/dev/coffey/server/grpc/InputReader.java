package dev.coffey.server.grpc;

import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import dev.coffey.model.tokenize.Encoding;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.TooLongException;
import dev.coffey.model.tokenize.Truncation;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.TokenIds;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.registry.ModelHandle;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Reads the texts of a request for one model: each becomes what the encoder reads.
final class InputReader {
  private final ModelHandle handle;
  private final Truncation truncation;
  private final List<Readout> readouts;
  private final String prompt;

  /// @param readouts what to compute of each text
  /// @param prompt put before each text (not before token ids)
  InputReader(ModelHandle handle, Truncation truncation, List<Readout> readouts, String prompt) {
    this.handle = handle;
    this.truncation = truncation;
    this.readouts = readouts;
    this.prompt = prompt;
  }

  /// Checks what holds for a whole request: that there are inputs, and not too many.
  ///
  /// @param field the path of their list
  static void checkCount(String field, int inputs, int most) {
    if (inputs < 1 || inputs > most) {
      throw new InvalidArgument(
          field,
          inputs == 0
              ? "no %s; send at least one".formatted(field)
              : "%d %s; a request has at most %d (limits.texts-per-request): send several"
                  .formatted(inputs, field, most));
    }
  }

  /// What the encoder reads for one input.
  ///
  /// @param cut tokens that truncation left out
  record Reading(TextInput text, int cut) {
    /// The work of an item that is just this text.
    ///
    /// @param finish makes the result of the matrices of the text's readouts
    <R> Work.Ready<R> work(Function<List<Matrix>, R> finish) {
      return new Work.Ready<>(List.of(text), cut, outputs -> finish.apply(outputs.getFirst()));
    }
  }

  /// Reads one input.
  ///
  /// @param field its path in the request
  /// @throws InvalidArgument if it can't be read
  Reading read(Input input, String field) {
    return switch (input.getKindCase()) {
      case TEXT -> text(input.getText(), null, field + ".text");
      case PAIR -> text(input.getPair().getFirst(), input.getPair().getSecond(), field + ".pair");
      case IDS -> ids(input.getIds(), field + ".ids");
      case KIND_NOT_SET ->
          throw new InvalidArgument(field, "empty input; set one of text, pair, ids");
    };
  }

  /// Reads a text or a pair.
  ///
  /// @throws InvalidArgument if it can't be read
  Reading text(String first, @Nullable String second, String field) {
    if (first.isEmpty() || (second != null && second.isEmpty())) {
      throw new InvalidArgument(field, "empty text; send at least one character");
    }
    try {
      Encoding encoding =
          tokenizer(handle, field).encode(prompt + first, second, truncation, handle.maxTokens());
      return new Reading(
          new TextInput(encoding.ids(), encoding.types(), positions(encoding.tokens()), readouts),
          encoding.cut());
    } catch (TooLongException | IllegalArgumentException e) {
      throw new InvalidArgument(field, String.valueOf(e.getMessage()));
    }
  }

  private Reading ids(TokenIds sent, String field) {
    int count = sent.getIdsCount();
    if (count == 0) {
      throw new InvalidArgument(field, "no token ids; send at least one, with the special tokens");
    }
    if (count > handle.maxTokens()) {
      throw new InvalidArgument(
          field,
          "%d token ids; this model reads at most %d, and ids are never cut: send fewer"
              .formatted(count, handle.maxTokens()));
    }
    if (sent.getTypeIdsCount() != 0 && sent.getTypeIdsCount() != count) {
      throw new InvalidArgument(
          field + ".type_ids",
          "%d type ids for %d ids; send as many, or none".formatted(sent.getTypeIdsCount(), count));
    }
    int[] ids = within(sent.getIdsList(), handle.config().vocabSize(), field + ".ids", "token id");
    int[] types =
        sent.getTypeIdsCount() == 0
            ? new int[count]
            : within(sent.getTypeIdsList(), Segments.limit(handle), field + ".type_ids", "type id");
    return new Reading(new TextInput(ids, types, positions(count), readouts), 0);
  }

  private static int[] within(List<Integer> numbers, int limit, String field, String what) {
    int[] result = new int[numbers.size()];
    for (int i = 0; i < result.length; i++) {
      int number = numbers.get(i);
      // uint32: what is above the largest int arrives as a negative one.
      if (number < 0 || number >= limit) {
        throw new InvalidArgument(
            field,
            "%s %s at place %d; must be below %d"
                .formatted(what, Integer.toUnsignedString(number), i, limit));
      }
      result[i] = number;
    }
    return result;
  }

  static Tokenizer tokenizer(ModelHandle handle, String field) {
    return handle
        .tokenizer()
        .orElseThrow(() ->
            new InvalidArgument(
                field,
                "model '%s' has no tokenizer in its folder: send token ids"
                    .formatted(handle.name())));
  }

  private static int[] positions(int tokens) {
    int[] positions = new int[tokens];
    Arrays.setAll(positions, i -> i);
    return positions;
  }
}
