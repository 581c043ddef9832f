package dev.coffey.model.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Parses the JSON header of one safetensors file, token by token: what it keeps is bounded by the
/// number of tensors, not by what the header says.
final class SafetensorsHeader {
  /// A BERT-large has 393 tensors; the largest models published have some ten thousand.
  private static final int MAX_TENSORS = 65_536;

  private static final int MAX_RANK = 32;

  private final Path file;
  private final long dataBytes;

  SafetensorsHeader(Path file, long dataBytes) {
    this.file = file;
    this.dataBytes = dataBytes;
  }

  /// The tensors by name, in the header's order.
  Map<String, TensorEntry> parse(ByteBuffer header) {
    try (Reader text =
            new InputStreamReader(
                new BufferStream(header),
                StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT));
        JsonParser json = Json.FACTORY.createParser(text)) {
      return object(json);
    } catch (CharacterCodingException e) {
      throw new CheckpointException(Problem.BAD_HEADER, file, "the header is not UTF-8", e);
    } catch (JsonProcessingException e) {
      throw new CheckpointException(
          Problem.BAD_HEADER, file, "the header is not valid JSON: " + Json.reason(e), e);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  private Map<String, TensorEntry> object(JsonParser json) throws IOException {
    if (json.nextToken() != JsonToken.START_OBJECT) {
      throw bad("the header is no JSON object");
    }
    Map<String, TensorEntry> entries = new LinkedHashMap<>();
    for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
      if (name.equals("__metadata__")) {
        metadata(json);
      } else if (entries.size() == MAX_TENSORS) {
        throw bad("the header lists more than " + MAX_TENSORS + " tensors");
      } else {
        entries.put(name, tensor(name, json));
      }
    }
    if (json.nextToken() != null) {
      throw bad("the header goes on after its JSON object");
    }
    return entries;
  }

  /// Strings by string; nothing in it is needed.
  private void metadata(JsonParser json) throws IOException {
    if (json.nextToken() != JsonToken.START_OBJECT) {
      throw bad("__metadata__ is no JSON object");
    }
    for (String key = json.nextFieldName(); key != null; key = json.nextFieldName()) {
      if (json.nextToken() != JsonToken.VALUE_STRING) {
        throw bad("__metadata__ key " + Quoted.of(key) + " holds no string");
      }
    }
  }

  private TensorEntry tensor(String name, JsonParser json) throws IOException {
    if (json.nextToken() != JsonToken.START_OBJECT) {
      throw bad(name, "is described by no JSON object");
    }
    @Nullable StoredType type = null;
    @Nullable List<Long> shape = null;
    @Nullable List<Long> offsets = null;
    for (String key = json.nextFieldName(); key != null; key = json.nextFieldName()) {
      switch (key) {
        case "dtype" -> type = type(name, json);
        case "shape" -> shape = numbers(name, key, json);
        case "data_offsets" -> offsets = numbers(name, key, json);
        default ->
            throw bad(
                name,
                "has the unknown key "
                    + Quoted.of(key)
                    + "; expected dtype, shape and data_offsets");
      }
    }
    if (type == null || shape == null || offsets == null) {
      String missing = type == null ? "dtype" : shape == null ? "shape" : "data_offsets";
      throw bad(name, "has no " + missing);
    }
    return entry(name, type, shape, offsets);
  }

  private StoredType type(String name, JsonParser json) throws IOException {
    if (json.nextToken() != JsonToken.VALUE_STRING) {
      throw bad(name, "has a dtype that is no string");
    }
    String text = json.getText();
    Optional<StoredType> type = StoredType.named(text);
    if (type.isEmpty()) {
      throw bad(
          name, "has the unknown dtype " + Quoted.of(text) + "; known: " + StoredType.known());
    }
    return type.get();
  }

  private List<Long> numbers(String name, String key, JsonParser json) throws IOException {
    if (json.nextToken() != JsonToken.START_ARRAY) {
      throw bad(name, "has a " + key + " that is no list");
    }
    List<Long> numbers = new ArrayList<>();
    for (JsonToken token = json.nextToken();
        token != JsonToken.END_ARRAY;
        token = json.nextToken()) {
      if (numbers.size() == MAX_RANK) {
        throw bad(name, "has a " + key + " of more than " + MAX_RANK + " numbers");
      }
      boolean fits =
          token == JsonToken.VALUE_NUMBER_INT
              && json.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
      if (!fits || json.getLongValue() < 0) {
        throw bad(
            name,
            "has %s in its %s; expected whole numbers from 0 to 2^63-1"
                .formatted(token == null ? "nothing" : Quoted.of(json.getText()), key));
      }
      numbers.add(json.getLongValue());
    }
    return List.copyOf(numbers);
  }

  private TensorEntry entry(String name, StoredType type, List<Long> shape, List<Long> offsets) {
    long bits = type.bits();
    try {
      for (long size : shape) {
        bits = Math.multiplyExact(bits, size);
      }
    } catch (ArithmeticException e) {
      throw new CheckpointException(
          Problem.BAD_LAYOUT,
          file,
          "tensor %s: shape %s has more than 2^63 bits".formatted(Quoted.of(name), shape),
          e);
    }
    if (offsets.size() != 2) {
      throw bad(name, "has " + offsets.size() + " data_offsets, expected 2");
    }
    long begin = offsets.getFirst();
    long end = offsets.getLast();
    if (begin > end) {
      throw layout(name, "data_offsets [%d, %d] run backwards".formatted(begin, end));
    }
    if (end > dataBytes) {
      throw new CheckpointException(
          Problem.TRUNCATED,
          file,
          "tensor %s: data_offsets [%d, %d] overrun the file's %d bytes of data: truncated, or a wrong header"
              .formatted(Quoted.of(name), begin, end, dataBytes));
    }
    if (bits % 8 != 0 || end - begin != bits / 8) {
      throw layout(
          name,
          "%s of shape %s needs %s bytes, data_offsets [%d, %d] give %d"
              .formatted(
                  type,
                  shape,
                  bits % 8 == 0 ? Long.toString(bits / 8) : bits + "/8",
                  begin,
                  end,
                  end - begin));
    }
    return new TensorEntry(type, shape, begin, end);
  }

  private CheckpointException layout(String name, String what) {
    return new CheckpointException(
        Problem.BAD_LAYOUT, file, "tensor " + Quoted.of(name) + ": " + what);
  }

  private CheckpointException bad(String name, String what) {
    return bad("tensor " + Quoted.of(name) + " " + what);
  }

  private CheckpointException bad(String what) {
    return new CheckpointException(Problem.BAD_HEADER, file, what);
  }

  private static final class BufferStream extends InputStream {
    private final ByteBuffer buffer;

    BufferStream(ByteBuffer buffer) {
      this.buffer = buffer;
    }

    @Override
    public int read() {
      return buffer.hasRemaining() ? buffer.get() & 0xFF : -1;
    }

    @Override
    public int read(byte[] target, int offset, int length) {
      if (length == 0) {
        return 0;
      }
      int n = Math.min(length, buffer.remaining());
      buffer.get(target, offset, n);
      return n == 0 ? -1 : n;
    }
  }
}
