package dev.coffey.model.eval;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;

/// A file of data as text: UTF-8, perhaps with a byte order mark, perhaps packed by gzip (`.gz`).
final class DataFile {
  private DataFile() {}

  /// @throws DataException if it can't be read or is not UTF-8
  static String text(Path file) {
    try (InputStream raw = Files.newInputStream(file);
        InputStream in = file.toString().endsWith(".gz") ? new GZIPInputStream(raw) : raw) {
      String text =
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(in.readAllBytes())).toString();
      return text.startsWith("\uFEFF") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw new DataException(file + ": not valid UTF-8", e);
    } catch (IOException e) {
      throw new DataException(file + ": can't be read: " + e, e);
    }
  }

  /// Its lines, without their ends. Only line feeds end a line, as texts may have other breaks.
  static List<String> lines(Path file) {
    return Arrays.stream(text(file).split("\n", -1))
        .map(line -> line.endsWith("\r") ? line.substring(0, line.length() - 1) : line)
        .toList();
  }
}
