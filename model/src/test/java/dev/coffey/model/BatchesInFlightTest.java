package dev.coffey.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.cpu.ScalarProvider;
import dev.coffey.kernels.cuda.FakeCuda;
import dev.coffey.kernels.cuda.InterpretedCuda;
import dev.coffey.model.checkpoint.ModelFolder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Two batches under way at once on a card that copies as early as it may, and computes only when
/// it is waited for: what one batch is given or gives must not be touched by the other's.
final class BatchesInFlightTest {
  private static final BatchLimits LIMITS = new BatchLimits(40, 6);

  private static Golden golden(String name) {
    return Golden.bundled().stream()
        .filter(golden -> golden.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /// Batches of several sizes with readouts of every kind, so that each finds the memory of
  /// another.
  private static List<List<TextInput>> batches(Golden golden, TextModel model) {
    int[] ids = golden.texts(List.of()).getFirst().ids();
    List<List<TextInput>> batches = new ArrayList<>();
    for (int[] lengths : new int[][] {{9, 3, 12}, {7}, {14, 14}, {2, 2, 2, 2, 2, 2}, {12, 9}}) {
      List<TextInput> texts = new ArrayList<>();
      for (int length : lengths) {
        int[] own = new int[length];
        int[] positions = new int[length];
        int first = batches.size() + texts.size();
        Arrays.setAll(own, i -> ids[(first + i) % ids.length]);
        Arrays.setAll(positions, i -> i);
        List<Readout> readouts = new ArrayList<>();
        readouts.add(new Readout.Pooled(List.of(Pooling.CLS), true));
        if (batches.size() % 2 == 0) {
          readouts.add(new Readout.Hidden());
          readouts.add(new Readout.Pooled(List.of(Pooling.MEAN), false));
        }
        if (model.headOutputs() > 0) {
          readouts.add(new Readout.Head());
        }
        texts.add(new TextInput(own, new int[length], positions, readouts));
      }
      batches.add(texts);
    }
    return batches;
  }

  // Breaks if a batch's ids, counts or results lie where the other's do, or its copies in come
  // before what is there was read.
  @Test
  void start_whileAnotherIsUnderWay_bothGiveWhatTheyGiveAlone() {
    for (String name : List.of("distilbert-seqcls", "albert-tokcls")) {
      Golden golden = golden(name);
      try (Kernels late = InterpretedCuda.openLate(80, DType.F32);
          Kernels plain = InterpretedCuda.open(80, DType.F32, 132);
          ModelFolder folder = ModelFolder.open(golden.folder());
          TextModel model = TextModel.load(folder, late, LIMITS);
          TextModel reference = TextModel.load(folder, plain, LIMITS)) {
        model.prepare(LIMITS.tokens(), LIMITS.texts());
        List<List<TextInput>> batches = batches(golden, reference);
        Deque<BatchRunner.Batch> underWay = new ArrayDeque<>();
        List<List<List<Matrix>>> found = new ArrayList<>();
        for (List<TextInput> batch : batches) {
          if (underWay.size() == 2) {
            found.add(underWay.remove().finish());
          }
          underWay.add(model.start(batch));
        }
        underWay.forEach(batch -> found.add(batch.finish()));
        for (int b = 0; b < batches.size(); b++) {
          same(name + ", batch " + b, found.get(b), reference.run(batches.get(b)));
        }
      }
    }
  }

  private static void same(String what, List<List<Matrix>> found, List<List<Matrix>> expected) {
    assertThat(found).hasSameSizeAs(expected);
    for (int text = 0; text < expected.size(); text++) {
      for (int r = 0; r < expected.get(text).size(); r++) {
        assertThat(found.get(text).get(r).values())
            .as("%s, text %d, readout %d", what, text, r)
            .isEqualTo(expected.get(text).get(r).values());
      }
    }
  }

  // Breaks if a batch is waited for before the next is with the device.
  @Test
  void start_second_isWithTheDeviceBeforeTheFirstIsWaitedFor() {
    FakeCuda card = new FakeCuda(1L << 30);
    Golden golden = golden("distilbert-seqcls");
    try (Kernels kernels = card.open(DType.F16);
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels, LIMITS)) {
      model.prepare(LIMITS.tokens(), LIMITS.texts());
      List<TextInput> texts = golden.texts(List.of(new Readout.Head())).subList(0, 1);
      long allocations = card.allocations();
      card.forgetWork();
      BatchRunner.Batch first = model.start(texts);
      List<String> begun = card.work();
      assertThat(begun).containsExactly("copyToDevice", "launchGraph", "launchGraph", "copyToHost");
      card.forgetWork();
      BatchRunner.Batch second = model.start(texts);
      assertThat(card.work()).isEqualTo(begun);
      assertThatThrownBy(() -> model.start(texts))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("2 batches are under way");
      first.finish();
      card.forgetWork();
      BatchRunner.Batch third = model.start(texts);
      assertThat(card.work()).isEqualTo(begun);
      second.finish();
      third.finish();
      assertThat(card.allocations()).isEqualTo(allocations);
    }
    assertThat(card.clean()).isTrue();
  }

  // Breaks if a batch that can't be begun keeps its place, or leaves the next one's calls to
  // itself.
  @Test
  void start_inputThatIsRefused_leavesThePlaceFree() {
    Golden golden = golden("distilbert-seqcls");
    try (Kernels kernels = new FakeCuda(1L << 30).open(DType.F32);
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels, LIMITS)) {
      List<TextInput> good = golden.texts(List.of(new Readout.Head())).subList(0, 1);
      List<TextInput> pair = golden.texts(List.of(new Readout.SentencePair())).subList(0, 1);
      for (int i = 0; i < 3; i++) {
        assertThatThrownBy(() -> model.start(pair)).isInstanceOf(IllegalArgumentException.class);
      }
      BatchRunner.Batch first = model.start(good);
      BatchRunner.Batch second = model.start(good);
      assertThat(first.finish()).hasSize(1);
      assertThat(second.finish()).hasSize(1);
    }
  }

  @Test
  void start_onACpu_computesAtOnce() {
    Golden golden = golden("distilbert-seqcls");
    try (Kernels kernels = new ScalarProvider().open(new KernelsOptions(1));
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels)) {
      List<TextInput> texts = golden.texts(List.of(new Readout.Head()));
      BatchRunner.Batch batch = model.start(texts);
      assertThatThrownBy(() -> model.start(texts)).hasMessageContaining("1 batches are under way");
      same("alone", batch.finish(), model.run(texts));
    }
  }
}
