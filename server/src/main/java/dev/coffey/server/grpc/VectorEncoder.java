package dev.coffey.server.grpc;

import com.google.protobuf.UnsafeByteOperations;
import dev.coffey.model.task.PackedVector;
import dev.coffey.proto.v1.Embedding;
import dev.coffey.proto.v1.VectorEncoding;

/// Writes vectors as a request wants them.
enum VectorEncoder {
  FP32,
  FP16,
  INT8,
  BINARY;

  /// The message of one vector.
  ///
  /// @throws IllegalArgumentException if the encoding can't hold a number of it
  Embedding encode(float[] vector) {
    Embedding.Builder target = Embedding.newBuilder().setDimensions(vector.length);
    switch (this) {
      case FP32 -> {
        for (float number : vector) {
          target.addValues(number);
        }
      }
      case FP16 -> pack(PackedVector.fp16(vector), target);
      case INT8 -> {
        PackedVector packed = PackedVector.int8(vector);
        pack(packed, target);
        target.setScale(packed.scale());
      }
      case BINARY -> pack(PackedVector.binary(vector), target);
    }
    return target.build();
  }

  private static void pack(PackedVector packed, Embedding.Builder target) {
    // Nobody else has the array.
    target.setPacked(UnsafeByteOperations.unsafeWrap(packed.bytes()));
  }

  /// The encoder that a request names.
  static VectorEncoder of(VectorEncoding encoding, int value) {
    return switch (encoding) {
      case VECTOR_ENCODING_UNSPECIFIED, VECTOR_ENCODING_FP32 -> FP32;
      case VECTOR_ENCODING_FP16 -> FP16;
      case VECTOR_ENCODING_INT8 -> INT8;
      case VECTOR_ENCODING_BINARY -> BINARY;
      case UNRECOGNIZED -> throw RequestOptionsReader.unknown("encoding", value);
    };
  }
}
