package dev.coffey.kernels.cpu;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What a processor says of itself, for a person who asks what the backends found. `model` is its
/// name, `features` the instruction sets among those that matter here; both empty if unknown.
public record CpuFeatures(String model, List<String> features) {
  /// As `/proc/cpuinfo` spells them, best last. asimd is NEON; asimddp, i8mm, bf16 and sve are
  /// ARM's.
  private static final List<String> KNOWN =
      List.of(
          "sse4_2",
          "avx",
          "fma",
          "f16c",
          "avx2",
          "avx512f",
          "avx512vl",
          "avx_vnni",
          "avx512_vnni",
          "avx512_bf16",
          "amx_int8",
          "amx_bf16",
          "asimd",
          "asimddp",
          "i8mm",
          "bf16",
          "sve",
          "sve2");

  public CpuFeatures {
    features = List.copyOf(features);
  }

  /// Reads the text of Linux's `/proc/cpuinfo`, on x86 ("flags", "model name") and ARM ("Features",
  /// no name). Other text gives nothing known. Only the first processor is read: mixed cores report
  /// the same instruction sets on Linux.
  public static CpuFeatures parse(String cpuinfo) {
    Map<String, String> fields = new LinkedHashMap<>();
    for (String line : cpuinfo.lines().toList()) {
      int colon = line.indexOf(':');
      if (colon > 0) {
        fields.putIfAbsent(line.substring(0, colon).strip(), line.substring(colon + 1).strip());
      }
    }
    String listed = fields.getOrDefault("flags", fields.getOrDefault("Features", ""));
    Set<String> present = Set.copyOf(Arrays.stream(listed.split("\\s+")).distinct().toList());
    return new CpuFeatures(
        fields.getOrDefault("model name", ""), KNOWN.stream().filter(present::contains).toList());
  }

  /// One line: "AMD EPYC: sse4_2 avx fma avx2".
  public String describe() {
    return (model.isEmpty() ? "unnamed processor" : model)
        + ": "
        + (features.isEmpty() ? "no known SIMD features listed" : String.join(" ", features));
  }
}
