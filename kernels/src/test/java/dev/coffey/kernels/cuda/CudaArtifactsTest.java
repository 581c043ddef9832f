package dev.coffey.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The compiled kernels fit their sources, each other and what README.md promises.
class CudaArtifactsTest {
  private static final Path SOURCES = Path.of("src/main/cuda");

  private static final List<String> OPERATIONS =
      List.of(
          "add_position_norm_T",
          "attention_T_d128",
          "attention_T_d32",
          "attention_T_d64",
          "gather_T",
          "l2_normalize_T",
          "linear_T_128x128",
          "linear_T_32x32",
          "linear_T_64x64",
          "neighbours_T",
          "norm_T",
          "pool_T",
          "softmax_T");

  /// Breaks when a source was edited and build.py wasn't run.
  @Test
  void artifacts_areOfTheseSources() throws IOException {
    MessageDigest digest = sha256();
    try (Stream<Path> files = Files.list(SOURCES)) {
      for (Path source :
          files
              .filter(file -> file.toString().matches(".*(\\.cuh?|build\\.py)"))
              .sorted(Comparator.comparing(CudaArtifactsTest::name))
              .toList()) {
        digest.update((name(source) + "\n").getBytes(StandardCharsets.UTF_8));
        digest.update(Files.readAllBytes(source));
      }
    }

    assertThat(properties().getProperty("sources.sha256"))
        .as(
            "the CUDA sources' hash; if they changed, run kernels/src/main/cuda/build.py and commit what it writes")
        .isEqualTo(HexFormat.of().formatHex(digest.digest()));
  }

  /// Breaks when only a part of what build.py writes is committed.
  @ParameterizedTest
  @ValueSource(strings = {"coffey.fatbin", "coffey-sm75.ptx", "coffey-sm80.ptx"})
  void artifact_isOfTheSameBuild(String name) {
    assertThat(HexFormat.of().formatHex(sha256().digest(unpacked(name))))
        .isEqualTo(properties().getProperty(name + ".sha256"));
  }

  @Test
  void sm80_hasEachOperationInEachPrecision() {
    assertThat(entriesOf("coffey-sm80.ptx")).isEqualTo(entries("f32", "f16", "bf16"));
  }

  @Test
  void sm75_hasNoBf16() {
    assertThat(entriesOf("coffey-sm75.ptx")).isEqualTo(entries("f32", "f16"));
  }

  /// nvcc's own version is one that older drivers refuse.
  @Test
  void ptx_isLabelledForOldDrivers() {
    assertThat(label("coffey-sm75.ptx")).isEqualTo(".version 6.5 .target sm_75");
    assertThat(label("coffey-sm80.ptx")).isEqualTo(".version 7.0 .target sm_80");
  }

  private static Set<String> entries(String... types) {
    return Stream.of(types)
        .flatMap(type -> OPERATIONS.stream().map(entry -> entry.replace("T", type)))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static Set<String> entriesOf(String name) {
    return Pattern.compile("\\.entry (\\w+)\\(")
        .matcher(text(name))
        .results()
        .map(match -> match.group(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static String label(String name) {
    return text(name)
        .lines()
        .filter(line -> line.startsWith(".version") || line.startsWith(".target"))
        .collect(Collectors.joining(" "));
  }

  private static String text(String name) {
    return new String(unpacked(name), StandardCharsets.US_ASCII);
  }

  private static byte[] unpacked(String name) {
    try (InputStream packed = resource(name + ".gz");
        InputStream in = new GZIPInputStream(packed)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Properties properties() {
    Properties properties = new Properties();
    try (InputStream in = resource("coffey.properties")) {
      properties.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return properties;
  }

  private static InputStream resource(String name) {
    return Objects.requireNonNull(
        CudaDriver.class.getResourceAsStream("/dev/coffey/kernels/cuda/" + name), name);
  }

  private static String name(Path file) {
    return Objects.requireNonNull(file.getFileName()).toString();
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
