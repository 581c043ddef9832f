package dev.coffey.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.coffey.proto.inference.InferParameter;
import dev.coffey.proto.inference.InferTensorContents;
import dev.coffey.proto.inference.ModelInferRequest;
import dev.coffey.proto.inference.ModelInferRequest.InferInputTensor;
import dev.coffey.proto.inference.ModelInferRequest.InferRequestedOutputTensor;
import dev.coffey.proto.inference.ModelInferResponse;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Requests that were right until one to three things in them were changed: counts, datatypes,
/// lengths, shapes, names, parameters. Each must be answered, or refused as the client's fault:
/// never UNKNOWN or INTERNAL, never with more memory than the message is worth. Red if a reader
/// lets an exception of its own through, or allocates by a shape.
final class InferFuzzTest {
  /// Heap that the largest of these requests may ever need on top of what the server holds; a shape
  /// believed blindly would ask for gigabytes.
  private static final long MOST_HEAP = 512L << 20;

  private static final long[] ODD_NUMBERS = {
    0,
    1,
    2,
    3,
    -1,
    7,
    127,
    128,
    255,
    256,
    1030,
    1031,
    4095,
    4096,
    65_535,
    65_536,
    1 << 20,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    1L << 31,
    1L << 32,
    1L << 62,
    Long.MAX_VALUE,
    Long.MIN_VALUE
  };

  private static final List<String> DATATYPES =
      List.of(
          "BYTES", "INT64", "INT32", "FP32", "FP16", "BF16", "BOOL", "UINT8", "UINT64", "int64", "",
          "STRING", "INT63");

  private static final List<String> NAMES =
      List.of(
          "text",
          "text_pair",
          "input_ids",
          "attention_mask",
          "token_type_ids",
          "TEXT",
          "",
          "logits",
          "ids",
          "\u0000",
          "input_ids ");

  private static final List<String> PARAMETERS =
      List.of(
          "priority",
          "timeout",
          "sequence_id",
          "sequence_start",
          "sequence_end",
          "headers",
          "binary_data_output",
          "triton_x",
          "x",
          "",
          "classification",
          "shared_memory_region",
          "binary_data_size",
          "content_type");

  @Test
  void modelInfer_2000Mutations_areAnsweredOrTheClientsFault() {
    run(2_000, 20_261_123);
  }

  @Test
  @Tag("soak")
  void modelInfer_10000Mutations_areAnsweredOrTheClientsFault() {
    run(10_000, 4711);
  }

  private static void run(int cases, long seed) {
    Random random = new Random(seed);
    Map<Code, Integer> counts = new EnumMap<>(Code.class);
    for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
      pool.resetPeakUsage();
    }
    try (TestServer server =
        TestServer.of(
            TestModels.textcls(),
            TestModels.golden("seqcls"),
            TestModels.golden("qa"),
            TestModels.golden("tokcls"))) {
      for (int i = 0; i < cases; i++) {
        ModelInferRequest request = mutated(random);
        Code code = Code.OK;
        String message = "";
        try {
          check(server.open().withDeadlineAfter(60, TimeUnit.SECONDS).modelInfer(request));
        } catch (StatusRuntimeException e) {
          code = e.getStatus().getCode();
          message = String.valueOf(e.getStatus().getDescription());
        }
        assertThat(code)
            .as("seed %d case %d: %s%n%s", seed, i, message, request)
            .isIn(
                request.containsParameters("timeout")
                    // What is due within a millisecond may be refused, or not be ready by then.
                    ? EnumSet.of(
                        Code.OK,
                        Code.INVALID_ARGUMENT,
                        Code.NOT_FOUND,
                        Code.DEADLINE_EXCEEDED,
                        Code.RESOURCE_EXHAUSTED)
                    : EnumSet.of(Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND));
        if (code != Code.OK) {
          assertThat(message).as("case %d", i).isNotBlank().hasSizeLessThan(600);
        }
        counts.merge(code, 1, Integer::sum);
      }
    }
    long peak = 0;
    for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
      if (pool.getType() == MemoryType.HEAP) {
        peak += pool.getPeakUsage().getUsed();
      }
    }
    System.err.printf(
        "v2 fuzz, seed %d: %d requests %s, peak heap %d MB%n", seed, cases, counts, peak >> 20);
    assertThat(counts.get(Code.OK)).as("some mutations are harmless").isPositive();
    assertThat(counts.get(Code.INVALID_ARGUMENT)).isGreaterThan(cases / 4);
    assertThat(peak).isLessThan(MOST_HEAP);
  }

  /// An answer holds what its shapes say.
  private static void check(ModelInferResponse response) {
    for (int i = 0; i < response.getOutputsCount(); i++) {
      long elements = 1;
      for (long size : response.getOutputs(i).getShapeList()) {
        elements *= size;
      }
      long sent =
          response.getRawOutputContentsCount() > 0
              ? response.getRawOutputContents(i).size() / 4
              : response.getOutputs(i).getContents().getFp32ContentsCount();
      assertThat(sent).isEqualTo(elements);
    }
  }

  private static ModelInferRequest mutated(Random random) {
    ModelInferRequest.Builder request = random.nextInt(3) == 0 ? text(random) : tokens(random);
    if (random.nextInt(20) == 0) {
      return request.build();
    }
    int changes = 1 + random.nextInt(3);
    for (int i = 0; i < changes; i++) {
      change(request, random);
    }
    return request.build();
  }

  private static ModelInferRequest.Builder text(Random random) {
    int count = 1 + random.nextInt(3);
    String[] texts = new String[count];
    for (int i = 0; i < count; i++) {
      texts[i] = List.of("good", "a fine film", "😀 naïve", "dull").get(random.nextInt(4));
    }
    ModelInferRequest.Builder request = ModelInferRequest.newBuilder().setModelName("textcls");
    boolean raw = random.nextBoolean();
    for (String name : random.nextBoolean() ? List.of("text") : List.of("text", "text_pair")) {
      if (raw) {
        request
            .addInputs(InferTensors.header(name, "BYTES", count))
            .addRawInputContents(InferTensors.framed(texts));
      } else {
        request.addInputs(InferTensors.text(name, texts));
      }
    }
    return request;
  }

  private static ModelInferRequest.Builder tokens(Random random) {
    String model = List.of("seqcls", "qa", "tokcls", "textcls").get(random.nextInt(4));
    int rows = 1 + random.nextInt(3);
    int width = 1 + random.nextInt(12);
    boolean wide = random.nextBoolean();
    ModelInferRequest.Builder request = ModelInferRequest.newBuilder().setModelName(model);
    boolean raw = random.nextBoolean();
    List<String> names =
        switch (random.nextInt(3)) {
          case 0 -> List.of("input_ids");
          case 1 -> List.of("input_ids", "attention_mask");
          default -> List.of("token_type_ids", "attention_mask", "input_ids");
        };
    for (String name : names) {
      long[] numbers = new long[rows * width];
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] =
            switch (name) {
              case "input_ids" -> random.nextInt(131);
              case "attention_mask" -> i % width == 0 ? 1 : random.nextInt(2);
              default -> 0;
            };
      }
      InferInputTensor.Builder tensor =
          InferTensors.header(name, wide ? "INT64" : "INT32", rows, width);
      if (raw) {
        request.addRawInputContents(InferTensors.raw(wide, numbers));
      } else {
        for (long number : numbers) {
          if (wide) {
            tensor.getContentsBuilder().addInt64Contents(number);
          } else {
            tensor.getContentsBuilder().addIntContents((int) number);
          }
        }
      }
      request.addInputs(tensor);
    }
    return request;
  }

  private static void change(ModelInferRequest.Builder request, Random random) {
    InferInputTensor.Builder tensor =
        request.getInputsCount() == 0
            ? request.addInputsBuilder()
            : request.getInputsBuilder(random.nextInt(request.getInputsCount()));
    switch (random.nextInt(20)) {
      case 0 -> tensor.setDatatype(pick(DATATYPES, random));
      case 1 -> tensor.setName(pick(NAMES, random));
      case 2 -> tensor.addShape(odd(random));
      case 3 -> tensor.clearShape();
      case 4, 5 -> {
        if (tensor.getShapeCount() > 0) {
          tensor.setShape(random.nextInt(tensor.getShapeCount()), odd(random));
        }
      }
      case 6 -> changeContents(tensor.getContentsBuilder(), random);
      case 7 -> tensor.clearContents();
      case 8 -> tensor.putParameters(pick(PARAMETERS, random), parameter(random));
      case 9 -> request.putParameters(pick(PARAMETERS, random), parameter(random));
      case 10 ->
          request.addOutputs(
              InferRequestedOutputTensor.newBuilder()
                  .setName(pick(List.of("logits", "start_logits", "x", ""), random)));
      case 11 ->
          request.addOutputs(
              InferRequestedOutputTensor.newBuilder()
                  .setName("logits")
                  .putParameters(pick(PARAMETERS, random), parameter(random)));
      case 12 -> request.addRawInputContents(bytes(random));
      case 13 -> {
        if (request.getRawInputContentsCount() > 0) {
          int index = random.nextInt(request.getRawInputContentsCount());
          request.setRawInputContents(index, damaged(request.getRawInputContents(index), random));
        }
      }
      case 14 -> request.clearRawInputContents();
      case 15 -> request.removeInputs(random.nextInt(request.getInputsCount()));
      case 16 -> request.addInputs(tensor.build());
      case 17 -> request.setModelName(pick(List.of("", "seqcls", "nope", "textcls"), random));
      case 18 -> request.setModelVersion(pick(List.of("", "1", "2", "x", "-1"), random));
      default -> {
        if (tensor.getContents().getInt64ContentsCount() > 0) {
          tensor
              .getContentsBuilder()
              .setInt64Contents(
                  random.nextInt(tensor.getContents().getInt64ContentsCount()), odd(random));
        } else {
          tensor.getContentsBuilder().addInt64Contents(odd(random));
        }
      }
    }
  }

  private static void changeContents(InferTensorContents.Builder contents, Random random) {
    switch (random.nextInt(8)) {
      case 0 -> contents.addBoolContents(random.nextBoolean());
      case 1 -> contents.addIntContents((int) odd(random));
      case 2 -> contents.addInt64Contents(odd(random));
      case 3 -> contents.addUintContents((int) odd(random));
      case 4 -> contents.addUint64Contents(odd(random));
      case 5 -> contents.addFp32Contents(Float.NaN);
      case 6 -> contents.addBytesContents(bytes(random));
      default -> contents.clearBytesContents();
    }
  }

  private static InferParameter parameter(Random random) {
    InferParameter.Builder parameter = InferParameter.newBuilder();
    return switch (random.nextInt(6)) {
      case 0 -> parameter.setBoolParam(random.nextBoolean()).build();
      case 1 -> parameter.setInt64Param(odd(random)).build();
      case 2 -> parameter.setStringParam(pick(NAMES, random)).build();
      case 3 -> parameter.setDoubleParam(Double.NaN).build();
      case 4 -> parameter.setUint64Param(odd(random)).build();
      default -> parameter.build();
    };
  }

  private static ByteString damaged(ByteString bytes, Random random) {
    byte[] copy = bytes.toByteArray();
    switch (random.nextInt(4)) {
      case 0 -> {
        return bytes.substring(0, random.nextInt(bytes.size() + 1));
      }
      case 1 -> {
        return bytes.concat(bytes(random));
      }
      case 2 -> {
        if (copy.length > 0) {
          copy[random.nextInt(copy.length)] ^= (byte) (1 << random.nextInt(8));
        }
      }
      default -> {
        // A length of elements, or the upper half of an id.
        if (copy.length >= 4) {
          copy[3] = (byte) random.nextInt(256);
        }
      }
    }
    return ByteString.copyFrom(copy);
  }

  private static ByteString bytes(Random random) {
    byte[] bytes = new byte[random.nextInt(40)];
    random.nextBytes(bytes);
    return ByteString.copyFrom(bytes);
  }

  private static long odd(Random random) {
    return ODD_NUMBERS[random.nextInt(ODD_NUMBERS.length)];
  }

  private static <T> T pick(List<T> choices, Random random) {
    return choices.get(random.nextInt(choices.size()));
  }
}
