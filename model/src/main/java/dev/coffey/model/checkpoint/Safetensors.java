package dev.coffey.model.checkpoint;

import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// One safetensors file, its header checked in full before any tensor can be had: 8 bytes with the
/// header's length, the header (JSON: name → dtype, shape, byte range), then the tensors' bytes
/// with no hole and no overlap.
///
/// A file of the default file system is mapped, so that opening costs its header only; it must not
/// be truncated while open (the JVM then throws InternalError from whoever reads it). A file of any
/// other file system, such as one inside a jar, is read into native memory. Any number of threads
/// may read.
public final class Safetensors implements AutoCloseable {
  private static final int LENGTH_BYTES = 8;

  /// The reference implementation's limit.
  private static final long MAX_HEADER_BYTES = 100_000_000;

  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path file;
  private final Arena arena;
  private final MemorySegment data;
  private final Map<String, TensorEntry> entries;

  private Safetensors(
      Path file, Arena arena, MemorySegment data, Map<String, TensorEntry> entries) {
    this.file = file;
    this.arena = arena;
    this.data = data;
    this.entries = entries;
  }

  /// Opens `file`, or says why it can't be used.
  ///
  /// @throws CheckpointException if it is missing, unreadable, no safetensors file or a broken one
  // The arena is closed by close(), or here if opening fails half way.
  @SuppressWarnings("MustBeClosedChecker")
  public static Safetensors open(Path file) {
    Arena arena = Arena.ofShared();
    try {
      MemorySegment bytes = bytes(file, arena);
      Map<String, TensorEntry> entries = entries(file, bytes);
      long dataStart = LENGTH_BYTES + headerLength(file, bytes);
      return new Safetensors(file, arena, bytes.asSlice(dataStart), entries);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /// The file that was opened.
  public Path file() {
    return file;
  }

  /// The tensors' names, in the order of the header.
  public Set<String> names() {
    return Collections.unmodifiableSet(entries.keySet());
  }

  /// Whether a tensor of that name is in the file.
  public boolean contains(String name) {
    return entries.containsKey(name);
  }

  /// The tensor of that name, its bytes unread.
  ///
  /// @throws CheckpointException if there is none
  public StoredTensor tensor(String name) {
    TensorEntry entry = entries.get(name);
    if (entry == null) {
      throw new CheckpointException(
          Problem.MISSING_TENSOR, file, "has no tensor " + Quoted.of(name));
    }
    return new StoredTensor(
        name,
        entry.type(),
        entry.shape(),
        data.asSlice(entry.begin(), entry.end() - entry.begin()));
  }

  /// Unmaps the file: every segment that [#tensor] gave is dead afterwards.
  @Override
  public void close() {
    arena.close();
  }

  private static MemorySegment bytes(Path file, Arena arena) {
    try {
      if (Files.isDirectory(file)) {
        throw new CheckpointException(
            Problem.UNREADABLE, file, "is a folder, expected a safetensors file");
      }
      if (file.getFileSystem().equals(FileSystems.getDefault())) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
          return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        }
      }
      long size = Files.size(file);
      MemorySegment bytes = arena.allocate(size, Long.BYTES);
      try (InputStream in = Files.newInputStream(file)) {
        byte[] chunk = new byte[1 << 16];
        long filled = 0;
        for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
          if (n > size - filled) {
            throw new CheckpointException(
                Problem.UNREADABLE, file, "grew while it was read, from " + size + " bytes");
          }
          MemorySegment.copy(chunk, 0, bytes, ValueLayout.JAVA_BYTE, filled, n);
          filled += n;
        }
        if (filled < size) {
          throw new CheckpointException(
              Problem.TRUNCATED, file, "gave " + filled + " of its " + size + " bytes");
        }
      }
      return bytes.asReadOnly();
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  private static Map<String, TensorEntry> entries(Path file, MemorySegment bytes) {
    long headerLength = headerLength(file, bytes);
    long dataBytes = bytes.byteSize() - LENGTH_BYTES - headerLength;
    Map<String, TensorEntry> entries =
        new SafetensorsHeader(file, dataBytes)
            .parse(bytes.asSlice(LENGTH_BYTES, headerLength).asByteBuffer());
    checkLayout(file, entries, dataBytes);
    return entries;
  }

  /// The header's length, once it is known to lie within the file and to look like a header.
  private static long headerLength(Path file, MemorySegment bytes) {
    long size = bytes.byteSize();
    boolean opensBrace =
        size > LENGTH_BYTES && bytes.get(ValueLayout.JAVA_BYTE, LENGTH_BYTES) == '{';
    if (!opensBrace) {
      ForeignFormat.refuse(file, bytes);
    }
    if (size < LENGTH_BYTES) {
      throw new CheckpointException(
          Problem.TRUNCATED,
          file,
          "has %d bytes; a safetensors file begins with 8 bytes that give its header's length"
              .formatted(size));
    }
    long length = bytes.get(LENGTH, 0);
    if (length <= 0 || length > MAX_HEADER_BYTES) {
      throw new CheckpointException(
          Problem.BAD_HEADER,
          file,
          "header length %s; expected 1 to %d: not a safetensors file, or a damaged one"
              .formatted(Long.toUnsignedString(length), MAX_HEADER_BYTES));
    }
    if (length > size - LENGTH_BYTES) {
      throw new CheckpointException(
          Problem.TRUNCATED,
          file,
          "header length %d, but only %d bytes follow: the file is truncated"
              .formatted(length, size - LENGTH_BYTES));
    }
    if (!opensBrace) {
      throw new CheckpointException(
          Problem.BAD_HEADER,
          file,
          "the header begins with byte 0x%02x, expected '{'"
              .formatted(bytes.get(ValueLayout.JAVA_BYTE, LENGTH_BYTES)));
    }
    return length;
  }

  /// The byte ranges must cover the data exactly once: what is read under one name is then never
  /// part of another, and nothing travels unseen between them.
  private static void checkLayout(Path file, Map<String, TensorEntry> entries, long dataBytes) {
    List<Map.Entry<String, TensorEntry>> ordered = new ArrayList<>(entries.entrySet());
    ordered.sort(
        Comparator.comparingLong((Map.Entry<String, TensorEntry> e) -> e.getValue().begin())
            .thenComparingLong(e -> e.getValue().end()));
    long covered = 0;
    String before = "";
    for (Map.Entry<String, TensorEntry> next : ordered) {
      long begin = next.getValue().begin();
      if (begin < covered) {
        throw new CheckpointException(
            Problem.BAD_LAYOUT,
            file,
            "tensors %s and %s overlap: the first ends at byte %d, the second begins at %d"
                .formatted(Quoted.of(before), Quoted.of(next.getKey()), covered, begin));
      }
      if (begin > covered) {
        throw new CheckpointException(
            Problem.BAD_LAYOUT,
            file,
            "bytes %d to %d, before tensor %s, belong to no tensor"
                .formatted(covered, begin, Quoted.of(next.getKey())));
      }
      covered = next.getValue().end();
      before = next.getKey();
    }
    if (covered < dataBytes) {
      throw new CheckpointException(
          Problem.BAD_LAYOUT,
          file,
          "%d bytes after the last tensor; the header accounts for %d of %d"
              .formatted(dataBytes - covered, covered, dataBytes));
    }
  }
}
