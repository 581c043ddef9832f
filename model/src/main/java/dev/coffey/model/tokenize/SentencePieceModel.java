package dev.coffey.model.tokenize;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// What a SentencePiece model (`spiece.model`, a protobuf message `ModelProto`) says, as far as a
/// unigram tokenizer needs it.
///
/// @param pieces by id
/// @param characterMap the normalizer's compiled table of replacements; empty for none
@SuppressWarnings("ArrayRecordComponent") // on its way into a tokenizer's JSON
record SentencePieceModel(List<Piece> pieces, byte[] characterMap) {
  /// What a piece is for.
  enum Kind {
    NORMAL,
    UNKNOWN,
    CONTROL,
    USER_DEFINED,
    UNUSED,
    BYTE
  }

  record Piece(String text, float score, Kind kind) {}

  // Field numbers of sentencepiece_model.proto.
  private static final int MODEL_PIECES = 1;
  private static final int MODEL_TRAINER = 2;
  private static final int MODEL_NORMALIZER = 3;
  private static final int PIECE_TEXT = 1;
  private static final int PIECE_SCORE = 2;
  private static final int PIECE_KIND = 3;
  private static final int TRAINER_ALGORITHM = 3;
  private static final int NORMALIZER_MAP = 2;

  private static final int UNIGRAM = 1;
  private static final List<String> ALGORITHMS = List.of("", "unigram", "BPE", "word", "char");

  /// @throws TokenizerException if the bytes are no such message, or it is not a unigram's
  static SentencePieceModel parse(Path file, byte[] bytes) {
    List<Piece> pieces = new ArrayList<>();
    byte[] map = {};
    Message model = new Message(file, ByteBuffer.wrap(bytes));
    while (model.next()) {
      switch (model.field) {
        case MODEL_PIECES -> pieces.add(piece(model.message(), pieces.size()));
        case MODEL_TRAINER -> checkUnigram(model.message());
        case MODEL_NORMALIZER -> map = characterMap(model.message());
        default -> model.skip();
      }
    }
    if (pieces.isEmpty()) {
      throw model.broken("it holds no pieces");
    }
    return new SentencePieceModel(List.copyOf(pieces), map);
  }

  private static Piece piece(Message message, int id) {
    String text = "";
    float score = 0;
    long kind = 1;
    while (message.next()) {
      switch (message.field) {
        case PIECE_TEXT -> text = message.text();
        case PIECE_SCORE -> score = message.number();
        case PIECE_KIND -> kind = message.varint();
        default -> message.skip();
      }
    }
    if (text.isEmpty() || !Float.isFinite(score) || kind < 1 || kind > Kind.values().length) {
      throw message.broken(
          "piece %d is '%s' with score %s and type %d".formatted(id, text, score, kind));
    }
    return new Piece(text, score, Kind.values()[(int) kind - 1]);
  }

  private static void checkUnigram(Message trainer) {
    while (trainer.next()) {
      if (trainer.field != TRAINER_ALGORITHM) {
        trainer.skip();
        continue;
      }
      long algorithm = trainer.varint();
      if (algorithm != UNIGRAM) {
        throw TokenizerException.in(
            trainer.file,
            "is a SentencePiece model of type %s; expected unigram"
                .formatted(
                    algorithm > 0 && algorithm < ALGORITHMS.size()
                        ? ALGORITHMS.get((int) algorithm)
                        : algorithm));
      }
    }
  }

  private static byte[] characterMap(Message normalizer) {
    byte[] map = {};
    while (normalizer.next()) {
      if (normalizer.field == NORMALIZER_MAP) {
        map = normalizer.bytes();
      } else {
        normalizer.skip();
      }
    }
    return map;
  }

  /// Reads a protobuf message field by field. After [#next] the value must be read, or skipped.
  private static final class Message {
    private final Path file;
    private final ByteBuffer data;
    private int field;
    private int wireType;

    Message(Path file, ByteBuffer data) {
      this.file = file;
      this.data = data.order(ByteOrder.LITTLE_ENDIAN);
    }

    /// Goes to the next field; false at the end.
    boolean next() {
      if (!data.hasRemaining()) {
        return false;
      }
      long key = rawVarint();
      field = (int) (key >>> 3);
      wireType = (int) (key & 7);
      return true;
    }

    long varint() {
      expect(0);
      return rawVarint();
    }

    float number() {
      expect(5);
      return Float.intBitsToFloat(slice(Integer.BYTES).getInt());
    }

    byte[] bytes() {
      ByteBuffer value = message().data;
      byte[] bytes = new byte[value.remaining()];
      value.get(bytes);
      return bytes;
    }

    String text() {
      try {
        return StandardCharsets.UTF_8.newDecoder().decode(message().data).toString();
      } catch (CharacterCodingException _) {
        throw broken("a piece is not valid UTF-8");
      }
    }

    Message message() {
      expect(2);
      return new Message(file, slice(rawVarint()));
    }

    void skip() {
      switch (wireType) {
        case 0 -> rawVarint();
        case 1 -> slice(Long.BYTES);
        case 2 -> slice(rawVarint());
        case 5 -> slice(Integer.BYTES);
        default -> throw broken("field %d has wire type %d".formatted(field, wireType));
      }
    }

    TokenizerException broken(String what) {
      return TokenizerException.in(file, "is no SentencePiece model: " + what);
    }

    private void expect(int expected) {
      if (wireType != expected) {
        throw broken("field %d has wire type %d, expected %d".formatted(field, wireType, expected));
      }
    }

    private ByteBuffer slice(long length) {
      if (length < 0 || length > data.remaining()) {
        throw broken(
            "field %d wants %d bytes where %d are left".formatted(field, length, data.remaining()));
      }
      ByteBuffer slice = data.slice(data.position(), (int) length).order(ByteOrder.LITTLE_ENDIAN);
      data.position(data.position() + (int) length);
      return slice;
    }

    private long rawVarint() {
      long value = 0;
      for (int shift = 0; shift < 64; shift += 7) {
        if (!data.hasRemaining()) {
          break;
        }
        byte b = data.get();
        value |= (long) (b & 0x7f) << shift;
        if (b >= 0) {
          return value;
        }
      }
      throw broken("a number does not end");
    }
  }
}
