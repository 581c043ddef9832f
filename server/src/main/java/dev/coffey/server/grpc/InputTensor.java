package dev.coffey.server.grpc;

import com.google.protobuf.ByteString;
import dev.coffey.proto.inference.InferTensorContents;
import dev.coffey.proto.inference.ModelInferRequest;
import dev.coffey.proto.inference.ModelInferRequest.InferInputTensor;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// One tensor of a v2 request, its numbers raw or typed. Reading checks that shape, datatype and
/// the count of what was sent agree, before anything is allocated: no shape, however large, costs
/// more than the message that it came in.
final class InputTensor {
  static final String BYTES = "BYTES";
  static final String INT32 = "INT32";
  static final String INT64 = "INT64";

  private static final Set<String> DATATYPES =
      Set.of(
          "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", INT32, INT64, "FP16",
          "FP32", "FP64", "BF16", BYTES);

  private final String name;
  private final String field;
  private final String datatype;
  private final List<Long> shape;
  private final long elements;
  private final InferTensorContents contents;
  private final @Nullable ByteString raw;
  private final String rawField;

  private InputTensor(InferInputTensor tensor, int index, @Nullable ByteString raw) {
    this.name = tensor.getName();
    this.field = "inputs[" + index + "]";
    this.datatype = tensor.getDatatype();
    this.shape = tensor.getShapeList();
    this.contents = tensor.getContents();
    this.raw = raw;
    this.rawField = "raw_input_contents[" + index + "]";
    if (!DATATYPES.contains(datatype)) {
      throw new InvalidArgument(
          field + ".datatype",
          "input '%s': unknown datatype '%s'".formatted(name, Excerpt.of(datatype)));
    }
    this.elements = elements();
  }

  /// All tensors of a request: names that differ, raw or typed numbers but never both.
  static List<InputTensor> all(ModelInferRequest request) {
    int count = request.getInputsCount();
    int rawCount = request.getRawInputContentsCount();
    if (rawCount > 0 && rawCount != count) {
      throw new InvalidArgument(
          "raw_input_contents",
          "%d raw contents for %d inputs: there must be one for each input, in the same order, or none at all"
              .formatted(rawCount, count));
    }
    List<InputTensor> tensors = new ArrayList<>(Math.min(count, 16));
    for (int i = 0; i < count; i++) {
      InferInputTensor tensor = request.getInputs(i);
      for (InputTensor other : tensors) {
        if (other.name.equals(tensor.getName())) {
          throw new InvalidArgument(
              "inputs[" + i + "].name", "input '%s' comes twice".formatted(other.name));
        }
      }
      if (rawCount > 0 && typedCount(tensor.getContents()) > 0) {
        throw new InvalidArgument(
            "inputs[" + i + "].contents",
            "input '%s' has typed contents while the request has raw_input_contents: use one of the two for all inputs"
                .formatted(Excerpt.of(tensor.getName())));
      }
      tensors.add(new InputTensor(tensor, i, rawCount > 0 ? request.getRawInputContents(i) : null));
    }
    return tensors;
  }

  String name() {
    return name;
  }

  /// The path of this tensor in the request: `inputs[1]`.
  String field() {
    return field;
  }

  List<Long> shape() {
    return shape;
  }

  /// The path of the numbers in the request.
  String contentsField() {
    return raw == null ? field + ".contents" : rawField;
  }

  /// The numbers of an INT64 or INT32 tensor, each in [0, `limit`).
  ///
  /// @param what what a number is, for messages: `token id`
  int[] integers(String what, int limit) {
    boolean wide = datatype.equals(INT64);
    if (!wide && !datatype.equals(INT32)) {
      throw wrongDatatype("INT64 or INT32");
    }
    int width = wide ? Long.BYTES : Integer.BYTES;
    ByteBuffer bytes = null;
    if (raw != null) {
      if (raw.size() % width != 0 || raw.size() / width != elements) {
        throw new InvalidArgument(
            rawField,
            "input '%s': %d raw bytes; shape %s of %s takes %s"
                .formatted(name, raw.size(), shape, datatype, rawBytes(width)));
      }
      bytes = raw.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    } else {
      checkTyped(
          wide ? contents.getInt64ContentsCount() : contents.getIntContentsCount(),
          wide ? "int64_contents" : "int_contents");
    }
    int[] result = new int[Math.toIntExact(elements)];
    for (int i = 0; i < result.length; i++) {
      long value;
      if (bytes != null) {
        value = wide ? bytes.getLong() : bytes.getInt();
      } else {
        value = wide ? contents.getInt64Contents(i) : contents.getIntContents(i);
      }
      if (value < 0 || value >= limit) {
        throw new InvalidArgument(
            contentsField(),
            "input '%s': element %d is %d; a %s must be in [0, %d)"
                .formatted(name, i, value, what, limit));
      }
      result[i] = (int) value;
    }
    return result;
  }

  /// The texts of a BYTES tensor, each UTF-8.
  List<String> texts() {
    if (!datatype.equals(BYTES)) {
      throw wrongDatatype(BYTES);
    }
    List<ByteString> parts;
    if (raw != null) {
      parts = framed(raw);
    } else {
      checkTyped(contents.getBytesContentsCount(), "bytes_contents");
      parts = contents.getBytesContentsList();
    }
    List<String> texts = new ArrayList<>(parts.size());
    for (int i = 0; i < parts.size(); i++) {
      texts.add(utf8(parts.get(i), i));
    }
    return texts;
  }

  /// Splits raw BYTES: each element is its length as four bytes, little-endian, and then the bytes.
  private List<ByteString> framed(ByteString bytes) {
    // Each element takes at least the four bytes of its length.
    if (elements > bytes.size() / Integer.BYTES) {
      throw new InvalidArgument(
          rawField,
          "input '%s': %d raw bytes can't hold the %d elements of shape %s (each is a 4-byte length and its bytes)"
              .formatted(name, bytes.size(), elements, shape));
    }
    List<ByteString> parts = new ArrayList<>((int) elements);
    ByteBuffer buffer = bytes.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < elements; i++) {
      int left = buffer.remaining();
      if (left < Integer.BYTES) {
        throw new InvalidArgument(
            rawField,
            "input '%s': element %d of %d starts %d bytes before the end; its 4-byte length does not fit"
                .formatted(name, i, elements, left));
      }
      long length = Integer.toUnsignedLong(buffer.getInt());
      if (length > buffer.remaining()) {
        throw new InvalidArgument(
            rawField,
            "input '%s': element %d of %d has a length of %d bytes, but %d are left"
                .formatted(name, i, elements, length, buffer.remaining()));
      }
      int start = buffer.position();
      parts.add(bytes.substring(start, start + (int) length));
      buffer.position(start + (int) length);
    }
    if (buffer.hasRemaining()) {
      throw new InvalidArgument(
          rawField,
          "input '%s': %d bytes are left over after the %d elements of shape %s"
              .formatted(name, buffer.remaining(), elements, shape));
    }
    return parts;
  }

  private String utf8(ByteString bytes, int index) {
    try {
      // A new decoder reports what is malformed instead of replacing it.
      return StandardCharsets.UTF_8.newDecoder().decode(bytes.asReadOnlyByteBuffer()).toString();
    } catch (CharacterCodingException _) {
      throw new InvalidArgument(
          contentsField(), "input '%s': element %d is not UTF-8".formatted(name, index));
    }
  }

  private void checkTyped(int count, String contentsName) {
    int all = typedCount(contents);
    if (all != count) {
      throw new InvalidArgument(
          field + ".contents",
          "input '%s' of datatype %s: its %d elements belong in %s, and nothing in the other fields"
              .formatted(name, datatype, elements, contentsName));
    }
    if (count != elements) {
      throw new InvalidArgument(
          field + ".contents." + contentsName,
          "input '%s': %d elements for shape %s, which takes %d"
              .formatted(name, count, shape, elements));
    }
  }

  private static int typedCount(InferTensorContents contents) {
    return contents.getBoolContentsCount()
        + contents.getIntContentsCount()
        + contents.getInt64ContentsCount()
        + contents.getUintContentsCount()
        + contents.getUint64ContentsCount()
        + contents.getFp32ContentsCount()
        + contents.getFp64ContentsCount()
        + contents.getBytesContentsCount();
  }

  private long elements() {
    long product = 1;
    for (long dimension : shape) {
      if (dimension < 0) {
        throw new InvalidArgument(
            field + ".shape",
            "input '%s': shape %s has a negative dimension; sizes in a request are 0 or more"
                .formatted(Excerpt.of(name), Excerpt.of(shape.toString())));
      }
      try {
        product = Math.multiplyExact(product, dimension);
      } catch (ArithmeticException _) {
        product = Long.MAX_VALUE;
      }
      if (product > Integer.MAX_VALUE) {
        throw new InvalidArgument(
            field + ".shape",
            "input '%s': shape %s has more than %d elements"
                .formatted(Excerpt.of(name), Excerpt.of(shape.toString()), Integer.MAX_VALUE));
      }
    }
    return product;
  }

  private String rawBytes(int width) {
    return Long.toString(elements * width);
  }

  private InvalidArgument wrongDatatype(String expected) {
    return new InvalidArgument(
        field + ".datatype",
        "input '%s' has datatype %s; expected %s".formatted(name, datatype, expected));
  }
}
