package dev.coffey.model.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Writes safetensors files for tests, right ones tensor by tensor and wrong ones from a header's
/// text.
public final class SafetensorsFile {
  private final List<String> entries = new ArrayList<>();
  private final ByteArrayOutputStream data = new ByteArrayOutputStream();

  /// Appends a tensor; `shape` as JSON writes it, without brackets.
  public SafetensorsFile add(String name, String dtype, String shape, byte[] bytes) {
    int begin = data.size();
    data.writeBytes(bytes);
    entries.add(
        "\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%d,%d]}"
            .formatted(name, dtype, shape, begin, data.size()));
    return this;
  }

  /// Appends an F32 tensor.
  public SafetensorsFile add(String name, String shape, float... values) {
    return add(name, "F32", shape, floats(values));
  }

  /// Writes what was appended.
  public Path write(Path file) {
    return write(file, bytes("{" + String.join(",", entries) + "}", data.toByteArray()));
  }

  static Path write(Path file, byte[] bytes) {
    try {
      return Files.write(file, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// A file with this header, whatever it says.
  static byte[] bytes(String header, byte[] data) {
    return bytes(header.getBytes(StandardCharsets.UTF_8), data);
  }

  static byte[] bytes(byte[] header, byte[] data) {
    return ByteBuffer.allocate(8 + header.length + data.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(header.length)
        .put(header)
        .put(data)
        .array();
  }

  static byte[] floats(float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      bytes.putFloat(value);
    }
    return bytes.array();
  }
}
