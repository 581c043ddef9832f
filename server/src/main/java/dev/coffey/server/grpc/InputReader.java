package dev.coffey.server.grpc;

import dev.coffey.model.task.TextFit;
import dev.coffey.model.tokenize.Encoding;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.TokenIds;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.registry.ModelHandle;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Reads the texts of a request for one model: each becomes what the encoder reads.
final class InputReader {
  private final ModelHandle handle;
  private final TextFit fit;
  private final String prompt;

  /// @param fit how a text that may be too long is brought to what the model reads
  /// @param prompt put before each text (not before token ids)
  InputReader(ModelHandle handle, TextFit fit, String prompt) {
    this.handle = handle;
    this.fit = fit;
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

  /// The tokens that a request's inputs have at least, told without tokenizing.
  static long leastTokens(List<Input> inputs) {
    long tokens = 0;
    for (Input input : inputs) {
      tokens += input.hasIds() ? input.getIds().getIdsCount() : 1;
    }
    return tokens;
  }

  /// What the encoder reads for one input: one encoding, or one for each window.
  ///
  /// @param field its path in the request
  /// @throws InvalidArgument if it can't be read
  List<Encoding> read(Input input, String field) {
    return switch (input.getKindCase()) {
      case TEXT -> read(input.getText(), null, field + ".text");
      case PAIR -> read(input.getPair().getFirst(), input.getPair().getSecond(), field + ".pair");
      case IDS -> List.of(ids(input.getIds(), field + ".ids"));
      case KIND_NOT_SET ->
          throw new InvalidArgument(field, "empty input; set one of text, pair, ids");
    };
  }

  /// As [#read(Input, String)], for a text or a pair.
  List<Encoding> read(String first, @Nullable String second, String field) {
    return Work.read(
        field,
        () -> fit.encode(tokenizer(handle, field), prompt + first, second, handle.maxTokens()));
  }

  /// The text of an input, for tasks that read neither pairs nor token ids.
  ///
  /// @throws InvalidArgument if it has none
  static String text(Input input, String field) {
    return switch (input.getKindCase()) {
      case TEXT -> input.getText();
      case PAIR, IDS, KIND_NOT_SET ->
          throw new InvalidArgument(
              field, "this task reads a text, not a pair and not token ids: set text");
    };
  }

  private Encoding ids(TokenIds sent, String field) {
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
    return new Encoding(ids, types, 0);
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
}
