package dev.coffey.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.DeviceMemoryException;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.cpu.ScalarProvider;
import dev.coffey.kernels.cuda.FakeCuda;
import dev.coffey.model.checkpoint.ModelFolder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A device's memory is reckoned before it is taken, taken in one piece, and then enough.
final class DeviceMemoryTest {
  private static final BatchLimits LIMITS = new BatchLimits(300, 20);

  /// What the device's own pieces are aligned to.
  private static final long ALIGNMENT = 256;

  static List<Golden> goldens() {
    return Golden.bundled();
  }

  // Breaks if a tensor, a weight or an index is reckoned larger than it is; were one reckoned
  // smaller, loading would fail.
  @ParameterizedTest
  @MethodSource("goldens")
  void load_anyModel_takesInOnePieceJustWhatItUses(Golden golden) {
    for (DType type : DType.values()) {
      FakeCuda device = new FakeCuda(1L << 30);
      try (Kernels kernels = device.open(type);
          ModelFolder folder = ModelFolder.open(golden.folder())) {
        long free = device.freeBytes();
        long before = device.allocations();
        try (TextModel model = TextModel.load(folder, kernels, LIMITS)) {
          // One of the device and one of the host.
          assertThat(device.allocations()).isEqualTo(before + 2);
          assertThat(free - device.freeBytes())
              .isBetween(
                  model.weightBytes() + model.workspaceBytes(),
                  model.weightBytes() + model.workspaceBytes() + ALIGNMENT);
          assertThat(model.surplusTensors()).isEqualTo(surplus(folder));
        }
        assertThat(device.freeBytes()).isEqualTo(free);
      }
      assertThat(device.clean()).isTrue();
    }
  }

  private static List<String> surplus(ModelFolder folder) {
    try (Kernels cpu = new ScalarProvider().open(new KernelsOptions(1));
        TextModel model = TextModel.load(folder, cpu)) {
      return model.surplusTensors();
    }
  }

  // Breaks if a batch, whatever its size and what is read of it, makes the driver take memory of
  // the device or the host once the model is ready.
  @ParameterizedTest
  @MethodSource("goldens")
  void run_anyBatchOnceReady_takesNoMemory(Golden golden) {
    FakeCuda device = new FakeCuda(1L << 30);
    try (Kernels kernels = device.open(DType.F16);
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels, LIMITS)) {
      model.prepare(LIMITS.tokens(), LIMITS.texts());
      long ready = device.allocations();
      int positions = model.maxPositions();
      for (List<Readout> readouts : readouts(model)) {
        for (int texts = 1; texts <= LIMITS.texts(); texts += 3) {
          for (int length : new int[] {1, 2, Math.min(positions, LIMITS.tokens() / texts)}) {
            var _ = model.run(texts(texts, length, readouts));
          }
        }
      }
      assertThat(device.allocations()).isEqualTo(ready);
    }
    assertThat(device.clean()).isTrue();
  }

  // Breaks if a batch's numbers go to the device in several copies or wait for each other, or a
  // head or a pooling is launched kernel by kernel.
  @ParameterizedTest
  @MethodSource("goldens")
  void run_oneReadoutOnceReady_isACopyTwoGraphsAndACopyBack(Golden golden) {
    FakeCuda device = new FakeCuda(1L << 30);
    try (Kernels kernels = device.open(DType.F16);
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels, LIMITS)) {
      model.prepare(LIMITS.tokens(), LIMITS.texts());
      List<Readout> heads = new ArrayList<>();
      heads.add(new Readout.Pooled(List.of(Pooling.MEAN), true));
      if (model.headOutputs() > 0) {
        heads.add(new Readout.Head());
      }
      for (Readout readout : heads) {
        var _ = model.run(texts(3, 4, List.of(readout)));
        device.forgetWork();
        var _ = model.run(texts(5, 3, List.of(readout)));
        assertThat(device.work())
            .as("%s", readout)
            .containsExactly(
                "copyToDevice", "launchGraph", "launchGraph", "copyToHost", "synchronizeEvent");
      }
    }
  }

  // Breaks if a model that does not fit is half loaded, keeps memory, or is refused without saying
  // what needed how much.
  @ParameterizedTest
  @MethodSource("goldens")
  void load_tooLittleMemory_isRefusedByPartsUntilThereIsRoom(Golden golden) {
    FakeCuda device = new FakeCuda(1L << 30);
    long need;
    try (Kernels kernels = device.open(DType.F32);
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels, LIMITS)) {
      need = (1L << 30) - device.freeBytes();
      assertThat(model.weightBytes()).isLessThan(need);
    }
    FakeCuda small = new FakeCuda(need + need / 2);
    try (Kernels kernels = small.open(DType.F32);
        ModelFolder folder = ModelFolder.open(golden.folder())) {
      try (TextModel first = TextModel.load(folder, kernels, LIMITS)) {
        assertThatThrownBy(() -> TextModel.load(folder, kernels, LIMITS))
            .isInstanceOf(DeviceMemoryException.class)
            .hasMessageMatching(
                "device 0 \\(Fake 0\\) has too little memory: [\\d.]+ MiB are needed \\(weights [\\d.]+ MiB, activations of up to 300 tokens in 20 texts [\\d.]+ MiB\\), [\\d.]+ MiB of 8.0 GiB are free; lower batch.max-tokens, .*");
        assertThat(small.freeBytes()).isEqualTo(need / 2);
        var _ = first.run(texts(2, 3, List.of(new Readout.Hidden())));
      }
      TextModel.load(folder, kernels, LIMITS).close();
    }
    assertThat(small.clean()).isTrue();
  }

  private static List<List<Readout>> readouts(TextModel model) {
    List<List<Readout>> readouts = new ArrayList<>();
    readouts.add(List.of(new Readout.Hidden()));
    if (model.headOutputs() > 0) {
      readouts.add(List.of(new Readout.Head()));
      readouts.add(List.of(new Readout.HeadAt(List.of(0))));
    }
    if (model.hasPooler()) {
      readouts.add(List.of(new Readout.Pooler()));
    }
    if (model.sentencePairOutputs() > 0) {
      readouts.add(List.of(new Readout.SentencePair(), new Readout.Hidden()));
    }
    for (Pooling pooling : Pooling.values()) {
      readouts.add(List.of(new Readout.Pooled(List.of(pooling), true)));
    }
    readouts.add(List.of(new Readout.Pooled(List.of(Pooling.MEAN, Pooling.MAX), false)));
    return readouts;
  }

  private static List<TextInput> texts(int count, int length, List<Readout> readouts) {
    int[] positions = new int[length];
    Arrays.setAll(positions, i -> i);
    List<TextInput> texts = new ArrayList<>();
    for (int text = 0; text < count; text++) {
      texts.add(new TextInput(new int[length], new int[length], positions, readouts));
    }
    return texts;
  }
}
