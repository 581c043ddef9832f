package dev.coffey.server.grpc;

import com.google.protobuf.ByteString;
import dev.coffey.proto.inference.InferParameter;
import dev.coffey.proto.inference.InferTensorContents;
import dev.coffey.proto.inference.ModelInferRequest.InferInputTensor;
import dev.coffey.proto.inference.ModelInferResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// Tensors as v2 clients make and read them.
final class InferTensors {
  private InferTensors() {}

  /// Typed BYTES `[n]`.
  static InferInputTensor text(String name, String... texts) {
    InferTensorContents.Builder contents = InferTensorContents.newBuilder();
    for (String text : texts) {
      contents.addBytesContents(ByteString.copyFromUtf8(text));
    }
    return InferInputTensor.newBuilder()
        .setName(name)
        .setDatatype("BYTES")
        .addShape(texts.length)
        .setContents(contents)
        .build();
  }

  /// Typed INT64 `[n, s]`.
  static InferInputTensor int64(String name, long[][] rows) {
    InferTensorContents.Builder contents = InferTensorContents.newBuilder();
    for (long[] row : rows) {
      for (long number : row) {
        contents.addInt64Contents(number);
      }
    }
    return header(name, "INT64", rows.length, rows[0].length).setContents(contents).build();
  }

  /// A tensor whose numbers come raw.
  static InferInputTensor.Builder header(String name, String datatype, long... shape) {
    InferInputTensor.Builder tensor =
        InferInputTensor.newBuilder().setName(name).setDatatype(datatype);
    for (long size : shape) {
      tensor.addShape(size);
    }
    return tensor;
  }

  /// Raw INT64 or INT32.
  static ByteString raw(boolean wide, long... numbers) {
    ByteBuffer bytes = ByteBuffer.allocate(numbers.length * 8).order(ByteOrder.LITTLE_ENDIAN);
    for (long number : numbers) {
      if (wide) {
        bytes.putLong(number);
      } else {
        bytes.putInt((int) number);
      }
    }
    return ByteString.copyFrom(bytes.flip());
  }

  /// Raw BYTES: each with its length before it.
  static ByteString framed(String... texts) {
    ByteString all = ByteString.EMPTY;
    for (String text : texts) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      ByteBuffer length = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
      all =
          all.concat(ByteString.copyFrom(length.putInt(bytes.length).flip()))
              .concat(ByteString.copyFrom(bytes));
    }
    return all;
  }

  static InferParameter parameter(long number) {
    return InferParameter.newBuilder().setInt64Param(number).build();
  }

  /// The FP32 numbers of output `index`.
  static float[] raw(ModelInferResponse response, int index) {
    ByteBuffer bytes =
        response.getRawOutputContents(index).asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    float[] numbers = new float[bytes.remaining() / 4];
    bytes.asFloatBuffer().get(numbers);
    return numbers;
  }

  static List<Long> shape(ModelInferResponse response, int index) {
    return response.getOutputs(index).getShapeList();
  }
}
