package dev.coffey.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.KernelsSelector;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/// Coffey and its peers on a small checkpoint and its export.
class ContestantsTest {
  private static final int VOCABULARY = 131;

  private static Path resource(String name) throws URISyntaxException {
    URL url = Objects.requireNonNull(ContestantsTest.class.getResource(name), name);
    return Path.of(url.toURI());
  }

  private static Path onnxRuntimeJar() throws URISyntaxException {
    return Path.of(
        ai.onnxruntime.OrtEnvironment.class
            .getProtectionDomain()
            .getCodeSource()
            .getLocation()
            .toURI());
  }

  /// Texts of three lengths in two batches, so that a peer has to pad.
  private static Workload ragged() {
    return Workload.mixed(new LengthMix.Uniform(3, 40), 5, 3, VOCABULARY, 1);
  }

  private static List<String> fakePeer(String mode) {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-cp",
        System.getProperty("java.class.path"),
        FakePeer.class.getName(),
        mode);
  }

  // Breaks if a peer's padding is seen by its attention, or rows are mixed up.
  @Test
  void agreement_onnxRuntime_givesCoffeysLogits() throws Exception {
    try (Kernels kernels =
            KernelsSelector.select("auto", KernelsProvider.all())
                .provider()
                .open(new KernelsOptions(1));
        CoffeyContestant coffey =
            CoffeyContestant.load(resource("/golden/models/distilbert-seqcls"), kernels);
        OnnxRuntimeContestant peer =
            new OnnxRuntimeContestant(onnxRuntimeJar(), resource("distilbert-seqcls.onnx"), 1)) {
      assertThat(peer.detail()).startsWith("ONNX Runtime 1.");
      assertThat(Comparison.agreement(List.of(coffey, peer), ragged())).isLessThan(5e-5);
      assertThat(peer.seconds(ragged(), 2)).isPositive();
      try (ProcessContestant other = new ProcessContestant("zeros", fakePeer("zeros"))) {
        assertThatThrownBy(() -> Comparison.agreement(List.of(coffey, other), ragged()))
            .hasMessageContaining("zeros does not compute what Coffey does");
      }
    }
  }

  @Test
  void process_answers_areRead() {
    try (ProcessContestant peer = new ProcessContestant("fake", fakePeer("zeros"))) {
      assertThat(peer.detail()).isEqualTo("a fake");
      assertThat(peer.logits(ragged())).hasDimensions(5, 3);
      assertThat(peer.seconds(ragged(), 7)).isEqualTo(7);
    }
  }

  @Test
  void process_endsOrDoesNotStart_saysSo() {
    try (ProcessContestant peer = new ProcessContestant("fake", fakePeer("end"))) {
      assertThatThrownBy(() -> peer.seconds(ragged(), 1))
          .hasMessage("peer fake ended (its own messages say why)");
    }
    assertThatThrownBy(() -> new ProcessContestant("none", List.of("no-such-program")))
        .hasMessageStartingWith("peer none: can't start 'no-such-program'");
  }

  @Test
  void onnxRuntime_noSuchFile_isRefused() throws Exception {
    Path jar = onnxRuntimeJar();
    Path missing = Path.of("missing.onnx");
    assertThatThrownBy(() -> new OnnxRuntimeContestant(jar, missing, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("missing.onnx");
    assertThatThrownBy(() -> new OnnxRuntimeContestant(missing, missing, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("can't run missing.onnx with ONNX Runtime from missing.onnx");
  }
}
