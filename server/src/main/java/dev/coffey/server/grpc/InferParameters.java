package dev.coffey.server.grpc;

import dev.coffey.proto.inference.InferParameter;
import dev.coffey.server.batch.Priority;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/// The parameters of a v2 request that mean something here. A parameter that means nothing is
/// refused rather than ignored, save those that only say how another transport frames the numbers.
///
/// @param priority `priority`: 0 = NORMAL, 1 = HIGH, larger = LOW. The protocol's documents say
///   int64, its Python client sends uint64: both are taken
/// @param timeout `timeout` in microseconds; none if 0 or absent
/// @param typed whether the numbers of the response go into typed contents: where
///   `binary_data_output` is false
record InferParameters(Priority priority, Optional<Duration> timeout, boolean typed) {

  /// Reads the parameters of a request.
  static InferParameters of(Map<String, InferParameter> parameters) {
    Priority priority = Priority.NORMAL;
    Optional<Duration> timeout = Optional.empty();
    boolean typed = false;
    for (Map.Entry<String, InferParameter> entry : parameters.entrySet()) {
      String name = entry.getKey();
      InferParameter value = entry.getValue();
      switch (name) {
        case "priority" -> {
          long level = count(name, value);
          priority = level == 0 ? Priority.NORMAL : level == 1 ? Priority.HIGH : Priority.LOW;
        }
        case "timeout" -> {
          long micros = count(name, value);
          // Capped so that the sum of now and it does not overflow: 146 years.
          timeout =
              micros == 0
                  ? Optional.empty()
                  : Optional.of(Duration.ofNanos(Math.min(micros, Long.MAX_VALUE / 2000) * 1000));
        }
        case "binary_data_output" -> typed = !flag(name, value);
        case "sequence_id", "sequence_start", "sequence_end" -> refuseSequence(name, value);
        case "headers" -> {}
        default -> {
          if (!name.startsWith("triton_")) {
            throw new InvalidArgument(
                "parameters",
                "unknown parameter '%s'; known: priority, timeout, binary_data_output"
                    .formatted(Excerpt.of(name)));
          }
        }
      }
    }
    return new InferParameters(priority, timeout, typed);
  }

  /// Checks the parameters of one tensor. None changes anything here; `content_type` and the like
  /// only repeat what the tensor says itself.
  static void ofTensor(String field, Map<String, InferParameter> parameters) {
    for (String name : parameters.keySet()) {
      switch (name) {
        case "binary_data", "binary_data_size", "content_type" -> {}
        case "classification" ->
            throw new InvalidArgument(
                field + ".parameters",
                "the classification extension is not served; ask for logits, or call coffey.v1 Classify");
        case "shared_memory_region", "shared_memory_offset", "shared_memory_byte_size" ->
            throw new InvalidArgument(
                field + ".parameters", "shared memory is not served; send the numbers");
        default ->
            throw new InvalidArgument(
                field + ".parameters", "unknown parameter '%s'".formatted(Excerpt.of(name)));
      }
    }
  }

  /// A number that is not negative. A uint64 above the largest long counts as that.
  private static long count(String name, InferParameter value) {
    long number =
        switch (value.getParameterChoiceCase()) {
          case INT64_PARAM -> value.getInt64Param();
          case UINT64_PARAM -> value.getUint64Param() < 0 ? Long.MAX_VALUE : value.getUint64Param();
          case BOOL_PARAM, STRING_PARAM, DOUBLE_PARAM, PARAMETERCHOICE_NOT_SET ->
              throw wrongType(name, "int64_param or uint64_param", value);
        };
    if (number < 0) {
      throw new InvalidArgument(
          "parameters." + name, "parameter '%s' is %d; must be 0 or more".formatted(name, number));
    }
    return number;
  }

  private static boolean flag(String name, InferParameter value) {
    return switch (value.getParameterChoiceCase()) {
      case BOOL_PARAM -> value.getBoolParam();
      case INT64_PARAM, UINT64_PARAM, STRING_PARAM, DOUBLE_PARAM, PARAMETERCHOICE_NOT_SET ->
          throw wrongType(name, "bool_param", value);
    };
  }

  /// A client may send the value that says "no sequence".
  private static void refuseSequence(String name, InferParameter value) {
    boolean none =
        switch (value.getParameterChoiceCase()) {
          case BOOL_PARAM -> !value.getBoolParam();
          case INT64_PARAM -> value.getInt64Param() == 0;
          case UINT64_PARAM -> value.getUint64Param() == 0;
          case STRING_PARAM -> value.getStringParam().isEmpty();
          case DOUBLE_PARAM, PARAMETERCHOICE_NOT_SET -> throw wrongType(name, "a number", value);
        };
    if (!none) {
      throw new InvalidArgument(
          "parameters." + name,
          "parameter '%s': models here have no state, so there are no sequences".formatted(name));
    }
  }

  private static InvalidArgument wrongType(String name, String expected, InferParameter value) {
    return new InvalidArgument(
        "parameters." + name,
        "parameter '%s': expected %s, got %s"
            .formatted(name, expected, value.getParameterChoiceCase()));
  }
}
