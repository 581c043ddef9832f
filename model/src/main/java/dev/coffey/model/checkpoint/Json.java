package dev.coffey.model.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// Strict JSON: names at most once in an object, bounded depth, names, numbers and strings, nothing
/// after the value.
final class Json {
  /// The index of a checkpoint of 65,536 tensors takes about 8 MB; a config with as many labels 4
  /// MB.
  static final int MAX_BYTES = 16 << 20;

  static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(32)
                  .maxNumberLength(64)
                  .maxNameLength(1024)
                  .maxStringLength(1 << 20)
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          // Names come from files of strangers: they must not fill a table that lives as long as
          // the process.
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .build();

  private static final JsonMapper MAPPER =
      JsonMapper.builder(FACTORY).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private Json() {}

  /// The JSON value in `file`. A file that is missing, unreadable, too long, not UTF-8 or not JSON
  /// is a [CheckpointException], the last two with `problem`.
  static JsonNode read(Path file, Problem problem) {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(MAX_BYTES + 1);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
    if (bytes.length > MAX_BYTES) {
      throw new CheckpointException(
          problem, file, "longer than " + MAX_BYTES + " bytes: not a file of this kind");
    }
    try {
      String text =
          StandardCharsets.UTF_8
              .newDecoder()
              .onMalformedInput(CodingErrorAction.REPORT)
              .onUnmappableCharacter(CodingErrorAction.REPORT)
              .decode(ByteBuffer.wrap(bytes))
              .toString();
      JsonNode node = MAPPER.readTree(text);
      if (node.isMissingNode()) {
        throw new CheckpointException(problem, file, "is empty, expected JSON");
      }
      return node;
    } catch (CharacterCodingException e) {
      throw new CheckpointException(problem, file, "is not UTF-8", e);
    } catch (JsonProcessingException e) {
      throw new CheckpointException(problem, file, "is not valid JSON: " + reason(e), e);
    }
  }

  /// What Jackson found and where, on one bounded line.
  static String reason(JsonProcessingException e) {
    String message = e.getOriginalMessage();
    int end = message.indexOf('\n');
    String line = Quoted.of(end < 0 ? message : message.substring(0, end));
    JsonLocation at = e.getLocation();
    return at == null ? line : line + " at line " + at.getLineNr() + ", column " + at.getColumnNr();
  }

  /// The error for a file that the file system would not give us.
  static CheckpointException unreadable(Path file, IOException e) {
    return switch (e) {
      case NoSuchFileException _ ->
          new CheckpointException(Problem.MISSING_FILE, file, "does not exist", e);
      case AccessDeniedException _ ->
          new CheckpointException(
              Problem.UNREADABLE, file, "may not be read by this user; check its permissions", e);
      default ->
          new CheckpointException(
              Problem.UNREADABLE,
              file,
              Files.isDirectory(file)
                  ? "is a folder, expected a file"
                  : "can't be read: " + e.getMessage(),
              e);
    };
  }

  /// A JSON value as a message shows it: its kind and, where it is short, itself.
  static String describe(JsonNode node) {
    return switch (node.getNodeType()) {
      case STRING -> "the string " + Quoted.of(node.textValue());
      case NUMBER, BOOLEAN -> node.asText();
      case NULL, MISSING -> "null";
      case ARRAY -> "a list of " + node.size();
      case OBJECT, POJO, BINARY -> "an object";
    };
  }
}
