package dev.coffey.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.BatchSlot;
import dev.coffey.kernels.DType;
import dev.coffey.kernels.DeviceMemoryException;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.Recorder;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.kernels.cuda.FakeDriver.Launched;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The host's half of the CUDA backend, against a driver that computes nothing.
class CudaKernelsTest {
  private final FakeDriver driver = new FakeDriver(2);

  private CudaKernels open(DType type, int device) {
    return (CudaKernels)
        new CudaProvider(
                () ->
                    new DriverProbe.Found(
                        12040,
                        List.of(
                            new DriverProbe.Device(0, "Fake 0", 80),
                            new DriverProbe.Device(1, "Fake 1", 80))),
                () -> driver)
            .open(new KernelsOptions(1, type, device));
  }

  // Breaks if a kernel that holds much shared memory is not asked for it, so that fewer of its
  // blocks
  // fit than it was written for, or one without any is, so that it loses cache.
  @ParameterizedTest
  @EnumSource
  void open_kernelsWithSharedMemory_areAskedForIt(DType type) {
    String t = type.name().toLowerCase(Locale.ROOT);
    open(type, 0).close();
    assertThat(driver.sharing)
        .containsExactlyInAnyOrder(
            "linear_" + t + "_128x128",
            "linear_" + t + "_64x64",
            "linear_" + t + "_32x32",
            "attention_" + t + "_d32",
            "attention_" + t + "_d64",
            "attention_" + t + "_d128");
  }

  // Breaks if an operation's arguments are too many, too few or out of order in width: the fake
  // driver holds them against the parameters of the shipped PTX.
  @ParameterizedTest
  @EnumSource
  void everyOperation_anyType_passesWhatTheKernelTakes(DType type) {
    try (CudaKernels kernels = open(type, 0)) {
      everyOperation(kernels);
    }
    String suffix = "_" + type.name().toLowerCase(Locale.ROOT);
    assertThat(driver.launches.stream().map(Launched::entry))
        .containsExactly(
            "gather" + suffix,
            "add_position_norm" + suffix,
            "linear" + suffix + "_32x32",
            "linear" + suffix + "_64x64",
            "linear" + suffix + "_128x128",
            "linear" + suffix + "_32x32",
            "norm" + suffix,
            "attention" + suffix + "_d32",
            "neighbours" + suffix,
            "pool" + suffix,
            "norm" + suffix,
            "l2_normalize" + suffix,
            "softmax" + suffix);
    assertThat(driver.clean()).as(driver.leftovers()).isTrue();
  }

  private static void everyOperation(CudaKernels kernels) {
    try (TensorArena arena = kernels.arena()) {
      Tensor x = arena.tensor(10, 20);
      Tensor y = arena.tensor(10, 20);
      Indices rows = arena.indices(10);
      Indices offsets = arena.indices(3);
      kernels.upload(new int[10], 10, rows);
      kernels.upload(new int[] {0, 4, 10}, 3, offsets);
      Norm norm = new Norm(Norm.Kind.LAYER, arena.tensor(1, 20), arena.tensor(1, 20), 1e-5f);
      PackedWeights w = arena.pack(HostTensor.of(new float[400], 20, 20));
      PackedWeights wide = arena.pack(HostTensor.of(new float[256 * 20], 256, 20));
      kernels.gather(x, rows, y);
      kernels.addPositionNorm(x, x, rows, null, null, norm, y);
      kernels.linear(x, w, null, Activation.TANH, y);
      kernels.linear(x, wide, null, Activation.NONE, arena.tensor(10, 256));
      Tensor tall = arena.tensor(300, 20);
      kernels.linear(tall, wide, null, Activation.NONE, arena.tensor(300, 256));
      kernels.linearAddNorm(x, w, null, x, norm, y);
      kernels.attention(x, offsets, x, x, offsets, 4, y);
      kernels.neighbours(x, rows, offsets, arena.tensor(10, 60));
      kernels.pool(x, offsets, Pooling.MEAN, arena.tensor(2, 20));
      kernels.norm(x, norm, y);
      kernels.l2Normalize(x, y);
      kernels.softmax(x, y);
      kernels.download(y, new float[200]);
    }
  }

  // Breaks if an address, a stride, a size or a code goes to another parameter of the same width.
  @Test
  void linear_aSliceIntoColumns_passesEachArgumentInItsPlace() {
    try (CudaKernels kernels = open(DType.F16, 0);
        TensorArena arena = kernels.arena()) {
      Tensor x = arena.tensor(33, 24).columns(3, 20);
      Tensor y = arena.tensor(33, 104).columns(20, 30);
      Tensor bias = arena.tensor(1, 30);
      float[] values = new float[15 * 20];
      PackedWeights all =
          arena.pack(
              HostTensor.of(values, 15, 20),
              HostTensor.of(values, 15, 20),
              HostTensor.of(values, 15, 20));
      CudaWeights slice = (CudaWeights) all.parts(1, 3);
      kernels.linear(x, slice, bias, Activation.GELU_ERF, y);
      Launched launched = driver.launches.getLast();
      assertThat(launched.entry()).isEqualTo("linear_f16_32x32");
      assertThat(launched.shape()).isEqualTo(new LaunchShape(1, 2, 1, 128, 0));
      assertThat(launched.arguments())
          .containsExactly(
              x.data().address(),
              24L,
              slice.address(),
              48L,
              15L,
              bias.data().address(),
              0L,
              0L,
              y.data().address(),
              104L,
              1L,
              20L,
              30L,
              33L,
              0L);
    }
  }

  // Breaks if a weight lies elsewhere than the kernels' contract says.
  @ParameterizedTest
  @EnumSource
  void pack_twoParts_followsTheFormulaOfTheContract(DType type) {
    int inputs = 77;
    int[] outputs = {5, 8};
    Random random = new Random(20261125);
    float[][] values = new float[2][];
    HostTensor[] parts = new HostTensor[2];
    for (int part = 0; part < 2; part++) {
      values[part] = new float[outputs[part] * inputs];
      for (int i = 0; i < values[part].length; i++) {
        values[part][i] = random.nextInt(-64, 64);
      }
      parts[part] = HostTensor.of(values[part], outputs[part], inputs);
    }
    try (CudaKernels kernels = open(type, 0);
        TensorArena arena = kernels.arena()) {
      CudaWeights packed = (CudaWeights) arena.pack(parts);
      int chunk = 16 / type.bytes();
      int panel = 8 * chunk;
      int panels = Math.ceilDiv(inputs, panel);
      assertThat(packed.packedOutputs()).isEqualTo(16);
      assertThat(packed.address() % 128).isZero();
      MemorySegment memory = driver.at(packed.address(), (long) panels * 16 * 128);
      float[] expected = new float[panels * 16 * panel];
      for (int o = 0; o < 13; o++) {
        for (int i = 0; i < inputs; i++) {
          int place =
              (i / panel * 16 + o) * panel + ((i % panel / chunk) ^ (o % 8)) * chunk + i % chunk;
          expected[place] = o < 5 ? values[0][o * inputs + i] : values[1][(o - 5) * inputs + i];
        }
      }
      for (int i = 0; i < expected.length; i++) {
        assertThat(type.get(memory, i)).as("element " + i).isEqualTo(expected[i]);
      }
    }
  }

  // Breaks if a stride is taken for a width, on the way in or out, or a large tensor's second piece
  // is not where the first ends.
  @ParameterizedTest
  @EnumSource
  void download_aViewLargerThanTheStagingMemory_givesWhatWasStored(DType type) {
    int rows = 3001;
    int columns = 701;
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = i % 251;
    }
    try (CudaKernels kernels = open(type, 0);
        TensorArena arena = kernels.arena()) {
      Tensor stored = arena.tensor(HostTensor.of(values, rows, columns));
      assertThat(stored.data().address() % 64).isZero();
      assertThat(stored.stride() * type.bytes() % 16).isZero();
      float[] view = new float[(rows - 1) * (columns - 2)];
      kernels.download(stored.rows(1, rows - 1).columns(2, columns - 2), view);
      for (int n = 0; n < rows - 1; n++) {
        for (int c = 0; c < columns - 2; c++) {
          assertThat(view[n * (columns - 2) + c]).isEqualTo(values[(n + 1) * columns + c + 2]);
        }
      }
    }
  }

  // Breaks if fp16 takes a number that it can only hold as infinity.
  @Test
  void pack_aWeightBeyondFp16_isRefusedWithWhatToDo() {
    try (CudaKernels kernels = open(DType.F16, 0);
        TensorArena arena = kernels.arena()) {
      assertThatThrownBy(() -> arena.pack(HostTensor.of(new float[] {1, 70000}, 1, 2)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "fp16 holds numbers up to 65504, and the model has a parameter of 70000.0: use --precision bf16 or fp32");
    }
  }

  // Breaks if each upload is a copy of its own, or one is written while a copy may still read it.
  @Test
  void upload_manyBeforeALaunch_areFewCopiesAndWaitForTheLast() {
    try (CudaKernels kernels = open(DType.F32, 0);
        TensorArena arena = kernels.arena()) {
      Indices first = arena.indices(100);
      Indices second = arena.indices(100);
      Tensor x = arena.tensor(2, 8);
      Tensor y = arena.tensor(2, 8);
      driver.calls.clear();
      kernels.upload(new int[] {0, 1}, 2, first);
      kernels.upload(new int[] {1, 0}, 2, second);
      kernels.gather(x, first.first(2), y);
      kernels.gather(x, second.first(2), y);
      assertThat(driver.calls).containsExactly("copyToDevice", "launch", "launch");
      kernels.upload(new int[] {1, 1}, 2, first);
      assertThat(driver.calls.getLast()).isEqualTo("synchronize");
      kernels.gather(x, first.first(2), y);
      assertThat(driver.at(first.data().address(), 8).toArray(ValueLayout.JAVA_INT))
          .containsExactly(1, 1);
      assertThat(driver.at(second.data().address(), 8).toArray(ValueLayout.JAVA_INT))
          .containsExactly(1, 0);
    }
  }

  // Breaks if a batch's copies wait for what is computed, what is launched does not wait for them,
  // or
  // its results are waited for before it is awaited.
  @Test
  void slots_twoBatches_copiesGoBesideAndEachIsAwaitedByItsOwnEvent() {
    try (CudaKernels kernels = open(DType.F32, 0);
        TensorArena arena = kernels.arena();
        BatchSlot one = kernels.slot();
        BatchSlot other = kernels.slot()) {
      Tensor x = arena.tensor(HostTensor.of(new float[] {1, 2, 3, 4}, 2, 2));
      Tensor y = arena.tensor(2, 2);
      Indices first = arena.indices(2);
      Indices second = arena.indices(2);
      List<String> taken = new ArrayList<>();
      driver.calls.clear();
      driver.copyStreams.clear();
      for (BatchSlot slot : List.of(one, other)) {
        slot.begin();
        kernels.upload(new int[] {1, 0}, 2, slot.equals(one) ? first : second);
        kernels.gather(x, slot.equals(one) ? first : second, y);
        slot.fetch(x, numbers -> taken.add(Arrays.toString(numbers)));
        slot.end();
      }
      List<String> batch =
          List.of("copyToDevice", "recordEvent", "await", "launch", "copyToHost", "recordEvent");
      assertThat(driver.calls.subList(0, 6)).isEqualTo(batch);
      assertThat(driver.calls.subList(6, 12)).isEqualTo(batch);
      assertThat(driver.calls).hasSize(12);
      assertThat(driver.copyStreams).hasSize(1);
      assertThat(driver.computeStreams).hasSize(1).doesNotContainAnyElementsOf(driver.copyStreams);
      assertThat(taken).isEmpty();
      one.await();
      other.await();
      assertThat(driver.calls.subList(12, 14))
          .containsExactly("synchronizeEvent", "synchronizeEvent");
      assertThat(taken).containsExactly("[1.0, 2.0, 3.0, 4.0]", "[1.0, 2.0, 3.0, 4.0]");
    }
    assertThat(driver.clean()).as(driver.leftovers()).isTrue();
  }

  // Breaks if pinned memory is written while it is copied, or what is copied second comes before
  // what reads the first.
  @Test
  void slot_uploadsAgainInABatch_waitsForItsCopiesAndCopiesBehindWhatReadsThem() {
    try (CudaKernels kernels = open(DType.F32, 0);
        TensorArena arena = kernels.arena();
        BatchSlot slot = kernels.slot()) {
      Tensor x = arena.tensor(2, 2);
      Indices rows = arena.indices(2);
      driver.calls.clear();
      slot.begin();
      for (int i = 0; i < 2; i++) {
        kernels.upload(new int[] {i, i}, 2, rows);
        kernels.gather(x, rows, arena.tensor(2, 2));
      }
      slot.end();
      slot.await();
      driver.calls.removeIf(call -> call.equals("fill"));
      assertThat(driver.calls)
          .containsExactly(
              "copyToDevice",
              "recordEvent",
              "await",
              "launch",
              "synchronizeEvent",
              "recordEvent",
              "await",
              "copyToDevice",
              "recordEvent",
              "await",
              "launch",
              "recordEvent",
              "synchronizeEvent");
    }
  }

  // Breaks if results that don't fit are lost, overwritten or out of order.
  @Test
  void slot_moreResultsThanItHasRoomFor_areTakenInOrder() {
    try (CudaKernels kernels = open(DType.F32, 0);
        TensorArena arena = kernels.arena();
        BatchSlot slot = kernels.slot()) {
      List<Float> firsts = new ArrayList<>();
      slot.begin();
      for (int rows : new int[] {1, 600, 500, 2000, 1}) {
        float[] values = new float[rows * 1024];
        Arrays.fill(values, rows);
        values[values.length - 1] = -rows;
        slot.fetch(
            arena.tensor(HostTensor.of(values, rows, 1024)),
            numbers -> {
              firsts.add(numbers[0]);
              firsts.add(numbers[numbers.length - 1]);
            });
      }
      slot.end();
      slot.await();
      assertThat(firsts).containsExactly(1f, -1f, 600f, -600f, 500f, -500f, 2000f, -2000f, 1f, -1f);
    }
  }

  // Breaks if work is recorded twice, done while it is recorded, or launched before its indices are
  // there; or if a kernel of a record does not read its row count from the device.
  @Test
  void recorder_sameKey_recordsOnceAndLaunchesTheRecord() {
    try (CudaKernels kernels = open(DType.F32, 0);
        TensorArena arena = kernels.arena();
        Recorder recorder = kernels.recorder()) {
      Indices rows = arena.indices(16);
      Indices count = arena.indices(1);
      Indices offsets = arena.indices(4);
      Indices texts = arena.indices(1);
      Tensor x = arena.tensor(16, 8);
      Tensor y = arena.tensor(16, 8);
      Tensor z = arena.tensor(16, 8);
      List<Recorder.Bound> bounds =
          List.of(new Recorder.Bound(16, count), new Recorder.Bound(3, texts));
      List<String> ran = new ArrayList<>();
      driver.calls.clear();
      for (int i = 0; i < 2; i++) {
        kernels.upload(new int[] {5 + i}, 1, count);
        Tensor result =
            recorder.run(
                "key",
                bounds,
                () -> {
                  ran.add("ran");
                  kernels.gather(x, rows, y);
                  kernels.attention(y, offsets, x, x, offsets, 1, z);
                  return y;
                });
        assertThat(result).isSameAs(y);
      }
      assertThat(ran).hasSize(1);
      assertThat(driver.calls)
          .containsExactly(
              "beginCapture",
              "launch",
              "launch",
              "endCapture",
              "copyToDevice",
              "launchGraph",
              "synchronize",
              "copyToDevice",
              "launchGraph");
      assertThat(driver.launches).hasSize(4);
      assertThat(driver.launches.getFirst().arguments()).endsWith(16L, count.data().address());
      assertThat(driver.launches.get(1).arguments()).endsWith(3L, texts.data().address());
    }
    assertThat(driver.clean()).as(driver.leftovers()).isTrue();
  }

  // Breaks if a failure while recording leaves the stream recording: all later calls would fail.
  @Test
  void recorder_workThatFails_leavesNoRecording() {
    try (CudaKernels kernels = open(DType.F32, 0);
        TensorArena arena = kernels.arena();
        Recorder recorder = kernels.recorder()) {
      assertThatThrownBy(() ->
              recorder.run(
                  "key",
                  List.of(),
                  () -> {
                    throw new IllegalStateException("mine");
                  }))
          .hasMessage("mine");
      kernels.softmax(arena.tensor(2, 2), arena.tensor(2, 2));
      assertThat(driver.launches).hasSize(1);
    }
    assertThat(driver.clean()).as(driver.leftovers()).isTrue();
  }

  // Breaks if any step of opening or working leaves something behind when the driver refuses it.
  @ParameterizedTest
  @ValueSource(ints = {CudaException.OUT_OF_MEMORY, 201})
  void anyCallThatFails_leavesNothingBehind(int code) {
    int total = callsOfASession(new FakeDriver(1));
    assertThat(total).isGreaterThan(50);
    for (int call = 0; call < total; call++) {
      FakeDriver failing = new FakeDriver(1);
      failing.fail(call, code);
      int failed = call;
      assertThatThrownBy(() -> callsOfASession(failing))
          .as("call " + failed + " fails")
          .isInstanceOfAny(CudaException.class, DeviceMemoryException.class);
      // What could not be given back because giving back failed is the driver's.
      boolean givingBack =
          List.of(
                  "free",
                  "freePinned",
                  "destroyStream",
                  "destroyEvent",
                  "destroyGraph",
                  "unload",
                  "release")
              .contains(failing.calls.get(call));
      if (!givingBack) {
        assertThat(failing.clean())
            .as("after call %d, %s: %s", call, failing.calls.get(call), failing.leftovers())
            .isTrue();
      }
    }
  }

  // Breaks if a lost device is not told from a call that failed, or closing throws for it.
  @Test
  void aLostDevice_isSaidToBeLostAndClosesQuietly() {
    CudaKernels kernels = open(DType.F32, 0);
    TensorArena arena = kernels.arena();
    Tensor x = arena.tensor(2, 2);
    driver.fail(0, CudaException.ILLEGAL_ADDRESS);
    assertThatThrownBy(() -> kernels.softmax(x, x))
        .isInstanceOfSatisfying(CudaException.class, e -> assertThat(e.deviceLost()).isTrue());
    assertThatThrownBy(() -> kernels.download(x, new float[4]))
        .isInstanceOfSatisfying(CudaException.class, e -> assertThat(e.deviceLost()).isTrue());
    arena.close();
    kernels.close();
  }

  private static int callsOfASession(FakeDriver driver) {
    CudaDevice device = new CudaDevice(driver, 0, DType.F32);
    try (CudaKernels kernels = new CudaKernels(device, DType.F32)) {
      everyOperation(kernels);
      try (TensorArena arena = kernels.arena();
          Recorder recorder = kernels.recorder();
          BatchSlot slot = kernels.slot()) {
        Tensor x = arena.tensor(2, 2);
        Indices rows = arena.indices(2);
        slot.begin();
        kernels.upload(new int[] {1, 0}, 2, rows);
        kernels.gather(x, rows, arena.tensor(2, 2));
        slot.fetch(x, _ -> {});
        slot.end();
        slot.await();
        recorder.run(
            "key",
            List.of(),
            () -> {
              kernels.softmax(x, x);
              return x;
            });
      }
    }
    return driver.calls.size();
  }

  @Test
  void arena_tooLittleMemory_saysWhatWasNeededAndWhatToLower() {
    driver.freeBytes = 3 << 20;
    try (CudaKernels kernels = open(DType.F32, 0);
        TensorArena arena = kernels.arena()) {
      assertThatThrownBy(() -> arena.tensor(1024, 2048))
          .isInstanceOf(DeviceMemoryException.class)
          .hasMessage(
              "device 0 (Fake 0) has too little memory: 8.0 MiB more were needed, 3.0 MiB of 8.0 GiB are free; lower batch.max-tokens, serve fewer models, store them in 16 bits (--precision), or free the device of other processes");
    }
  }

  // Breaks if a call goes to the context of another device, or of the thread that opened it.
  @Test
  void twoDevices_usedInTurnAndFromAnotherThread_eachUnderItsOwnContext() throws Exception {
    CudaKernels first = open(DType.F32, 0);
    CudaKernels second = open(DType.BF16, 1);
    Thread worker =
        Thread.ofPlatform()
            .start(() -> {
              everyOperation(second);
            });
    worker.join();
    assertThat(driver.launches).hasSize(13);
    second.close();
    first.close();
    assertThat(driver.clean()).as(driver.leftovers()).isTrue();
  }

  @Test
  void open_aDriverThatReadsNoMachineCodeOfOurs_takesPtx() {
    try (CudaKernels kernels = open(DType.F32, 0)) {
      assertThat(driver.calls).containsSubsequence("load", "load", "function");
      assertThat(kernels.description())
          .isEqualTo(
              "cuda, device 0: Fake 0, compute capability 8.0, 4 multiprocessors, 8.0 GiB, fp32");
    }
  }
}
