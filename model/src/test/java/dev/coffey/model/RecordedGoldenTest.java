package dev.coffey.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.Recorder;
import dev.coffey.kernels.cuda.InterpretedCuda;
import dev.coffey.model.checkpoint.ModelFolder;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Models on the interpreted CUDA backend, run from records as a server runs them: the bits that
/// the same kernels give when they are launched one by one, whatever ran from a record before.
final class RecordedGoldenTest {
  private static final BatchLimits LIMITS = new BatchLimits(50, 6);

  /// Tokens of a batch: below, at and above the sizes of records, and after larger ones smaller
  /// ones, which find their rows in what those left.
  private static final int[] TOKENS = {50, 1, 48, 16, 33, 15, 17, 32, 24, 25, 7};

  // Breaks if a kernel of a record reads a row count that is another's, computes beyond the true
  // one, or takes an address that moves.
  @Test
  void run_distilBertFromRecords_sameBitsAsWithoutAndAsGood() {
    Golden golden = golden("distilbert-seqcls");
    compare(golden, 80, DType.F32);
    try (Kernels kernels = InterpretedCuda.open(80, DType.F32, 132);
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels, LIMITS)) {
      List<TextInput> texts = golden.texts(List.of(new Readout.Head()));
      float[] expected = golden.expected("logits");
      int at = 0;
      for (int round = 0; round < 2; round++) {
        at = 0;
        for (List<Matrix> text : model.run(texts)) {
          for (float logit : text.getFirst().values()) {
            assertThat((double) Math.abs(logit - expected[at++]))
                .isLessThanOrEqualTo(golden.tolerance("logits"));
          }
        }
      }
      assertThat(at).isEqualTo(expected.length);
    }
  }

  /// MobileBERT's pass is another.
  @Test
  void run_mobileBertFromRecords_sameBitsAsWithout() {
    compare(golden("mobilebert-seqcls"), 75, DType.F16);
  }

  static Stream<Arguments> families() {
    return Golden.bundled().stream()
        .flatMap(golden ->
            Stream.of(Arguments.of(golden, 80, DType.BF16), Arguments.of(golden, 75, DType.F32)));
  }

  @Tag("soak")
  @ParameterizedTest(name = "{0} sm_{1} {2}")
  @MethodSource("families")
  void run_anyFamilyFromRecords_sameBitsAsWithout(Golden golden, int capability, DType precision) {
    compare(golden, capability, precision);
  }

  private static Golden golden(String name) {
    return Golden.bundled().stream()
        .filter(golden -> golden.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static void compare(Golden golden, int capability, DType precision) {
    try (Kernels device = InterpretedCuda.open(capability, precision, 132);
        Kernels other = withoutRecords(InterpretedCuda.open(capability, precision, 132));
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel recorded = TextModel.load(folder, device, LIMITS);
        TextModel direct = TextModel.load(folder, other, LIMITS)) {
      recorded.prepare(LIMITS.tokens(), LIMITS.texts());
      int kind = 0;
      for (int tokens : TOKENS) {
        List<TextInput> batch = batch(golden, recorded, tokens, kind++);
        List<List<Matrix>> expected = direct.run(batch);
        List<List<Matrix>> found = recorded.run(batch);
        for (int text = 0; text < batch.size(); text++) {
          for (int r = 0; r < expected.get(text).size(); r++) {
            assertThat(found.get(text).get(r).values())
                .as(
                    "%d tokens, text %d of %d, %s",
                    tokens, text, batch.size(), batch.get(text).readouts().get(r))
                .isEqualTo(expected.get(text).get(r).values());
          }
        }
      }
    }
  }

  /// `tokens` tokens in 1 to 6 texts, of which all, one or some rows are wanted, by turns.
  private static List<TextInput> batch(Golden golden, TextModel model, int tokens, int kind) {
    int longest = Math.min(model.maxPositions(), 20);
    int count =
        Math.clamp(kind % LIMITS.texts() + 1L, Math.ceilDiv(tokens, longest), LIMITS.texts());
    count = Math.min(count, tokens);
    int[] ids = golden.texts(List.of()).getFirst().ids();
    List<TextInput> texts = new ArrayList<>();
    int left = tokens;
    for (int text = 0; text < count; text++) {
      int length = text == count - 1 ? left : Math.max(1, Math.min(left / (count - text), longest));
      left -= length;
      int[] own = new int[length];
      int[] positions = new int[length];
      int first = text + kind;
      Arrays.setAll(own, i -> ids[(first + i) % ids.length]);
      Arrays.setAll(positions, i -> i);
      texts.add(new TextInput(own, new int[length], positions, readouts(model, kind, text)));
    }
    return texts;
  }

  private static List<Readout> readouts(TextModel model, int kind, int text) {
    List<Readout> all = new ArrayList<>();
    all.add(new Readout.Hidden());
    all.add(new Readout.Pooled(List.of(Pooling.MEAN), true));
    List<Readout> one = new ArrayList<>();
    one.add(new Readout.Pooled(List.of(Pooling.CLS), false));
    if (model.headOutputs() > 0) {
      (model.headPerToken() ? all : one).add(new Readout.Head());
    }
    if (model.hasPooler()) {
      one.add(new Readout.Pooler());
    }
    return switch (kind % 3) {
      case 0 -> one;
      case 1 -> all;
      default -> text % 2 == 0 ? one : all;
    };
  }

  /// The same backend, which launches kernel by kernel.
  private static Kernels withoutRecords(Kernels kernels) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (_, method, arguments) -> {
              if (method.getName().equals("recorder")) {
                return Recorder.DIRECT;
              }
              try {
                return method.invoke(kernels, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }
}
