package dev.coffey.server.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.cpu.ScalarProvider;
import dev.coffey.kernels.cuda.FakeCuda;
import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import dev.coffey.model.checkpoint.CheckpointException;
import dev.coffey.model.checkpoint.ModelFolder;
import dev.coffey.model.checkpoint.ModelLocation;
import dev.coffey.server.batch.BatchConfig;
import dev.coffey.server.batch.BatchCost;
import dev.coffey.server.batch.BatchListener;
import dev.coffey.server.batch.Batcher;
import dev.coffey.server.batch.Priority;
import dev.coffey.server.batch.Ticker;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.failure.InferenceException.Unavailable;
import dev.coffey.server.failure.InferenceException.UnknownModel;
import dev.coffey.server.failure.InferenceException.UnsupportedTask;
import dev.coffey.server.grpc.TestModels;
import dev.coffey.server.registry.RegistryConfig.ReadyWhen;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Finding, loading and unloading, with real small models on the scalar backend.
final class ModelRegistryTest {
  private final Kernels kernels = new ScalarProvider().open(new KernelsOptions(1));
  private final Batcher batcher =
      Batcher.start(BatchConfig.DEFAULT, Runnable::run, Ticker.SYSTEM, BatchListener.NONE);
  private final List<String> news = new ArrayList<>();
  private final ModelRegistry registry =
      new ModelRegistry(
          batcher,
          List.of(kernels),
          new RegistryConfig(Duration.ofMillis(20), 32, 32),
          Ticker.SYSTEM,
          all -> news.add(all.stream().map(m -> m.name() + " " + m.state()).toList().toString()));

  @AfterEach
  void close() {
    registry.close();
    batcher.close();
    kernels.close();
  }

  private static Path versions(Path folder, String... numbers) throws IOException {
    Path model = Files.createDirectories(folder.resolve("m"));
    for (String number : numbers) {
      Path version = Files.createDirectories(model.resolve(number));
      Path source = TestModels.golden("seqcls").path();
      for (String file : List.of("config.json", "model.safetensors")) {
        Files.copy(source.resolve(file), version.resolve(file));
      }
    }
    return folder;
  }

  /// Kernels of which only the warm-up is different: it takes until `gate` opens.
  private Kernels gated(CountDownLatch gate) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (_, method, arguments) -> {
              if (method.getName().equals("warmUp")) {
                try {
                  gate.await();
                  return true;
                } catch (InterruptedException _) {
                  Thread.currentThread().interrupt();
                  return false;
                }
              }
              return method.invoke(kernels, arguments);
            });
  }

  /// Red if the warm-up came before readiness, if a model were called warm before it is, or if what
  /// the warm-up measured were not what its batches are cut by.
  @Test
  void load_readyWhenLoaded_answersBeforeItIsWarm() {
    CountDownLatch gate = new CountDownLatch(1);
    try (ModelRegistry quick =
        new ModelRegistry(
            batcher,
            List.of(gated(gate)),
            new RegistryConfig(Duration.ofMillis(300), 0, 32, ReadyWhen.LOADED),
            Ticker.SYSTEM,
            _ -> {})) {
      ModelHandle handle = quick.load(TestModels.golden("seqcls"));
      assertThat(handle.state()).isEqualTo(ModelState.READY);
      assertThat(handle.warm()).isFalse();
      List<Matrix> cold = answer(handle);
      BatchCost before = handle.queue().cost();
      gate.countDown();
      handle.whenWarm().toCompletableFuture().join();
      assertThat(answer(handle).getFirst().row(0)).containsExactly(cold.getFirst().row(0));
      assertThat(handle.queue().cost()).isNotEqualTo(before);
    }
  }

  /// Red if a warm-up held up the end, or used a model that was freed.
  @Test
  void close_stillWarmingUp_ends() {
    ModelRegistry quick =
        new ModelRegistry(
            batcher,
            List.of(gated(new CountDownLatch(1))),
            new RegistryConfig(Duration.ofMillis(300), 0, 32, ReadyWhen.LOADED),
            Ticker.SYSTEM,
            _ -> {});
    ModelHandle handle = quick.load(TestModels.golden("seqcls"));
    quick.close();
    assertThat(handle.warm()).isFalse();
  }

  private List<Matrix> answer(ModelHandle handle) {
    int[] ids = {1, 2, 3};
    TextInput text =
        new TextInput(ids, new int[3], new int[] {0, 1, 2}, List.of(new Readout.Head()));
    return batcher.onDevice(() -> handle.models().get(0).run(List.of(text))).join().getFirst();
  }

  @Test
  void find_noVersionNamed_givesTheNewest(@TempDir Path folder) throws IOException {
    registry.loadAll(ModelFolder.discover(versions(folder, "2", "10")));
    assertThat(registry.find("m", "", Optional.empty()).version()).isEqualTo("10");
    assertThat(registry.find("m", "2", Optional.empty()).version()).isEqualTo("2");
    assertThat(registry.list()).extracting(ModelStatus::version).containsExactly("2", "10");
    assertThatThrownBy(() -> registry.find("m", "3", Optional.empty()))
        .isInstanceOf(UnknownModel.class)
        .hasMessageContaining("m/3");
  }

  /// Versions of one model are one model: a request without a name is not ambiguous.
  @Test
  void find_noNameAndOneModelHasTheTask_givesIt(@TempDir Path folder) throws IOException {
    registry.loadAll(ModelFolder.discover(versions(folder, "1", "2")));
    registry.load(TestModels.golden("base"));
    assertThat(registry.find("", "", Optional.of(ModelTask.CLASSIFY)).version()).isEqualTo("2");
    assertThatThrownBy(() -> registry.find("", "", Optional.of(ModelTask.EMBED)))
        .isInstanceOf(InvalidArgument.class)
        .hasMessageContaining("base, m");
  }

  @Test
  void find_nothingLoaded_isUnavailable() {
    assertThatThrownBy(() -> registry.find("", "", Optional.empty()))
        .isInstanceOf(Unavailable.class);
    assertThatThrownBy(() -> registry.find("x", "", Optional.empty()))
        .isInstanceOf(UnknownModel.class);
  }

  @Test
  void find_modelWithoutTheTask_saysWhatItCan() {
    registry.load(TestModels.golden("base"));
    assertThatThrownBy(() -> registry.find("base", "", Optional.of(ModelTask.CLASSIFY)))
        .isInstanceOf(UnsupportedTask.class)
        .hasMessageContaining("embed");
    assertThatThrownBy(() -> registry.find("", "", Optional.of(ModelTask.CLASSIFY)))
        .isInstanceOf(UnsupportedTask.class);
  }

  /// A folder that fails stops the start with its error, and says why to whoever asks.
  @Test
  void load_brokenFolder_failsAndSaysWhy() {
    ModelLocation pickle = TestModels.golden("pickle");
    assertThatThrownBy(() -> registry.loadAll(List.of(pickle, TestModels.golden("base"))))
        .isInstanceOf(CheckpointException.class);
    assertThat(registry.ready()).isFalse();
    assertThat(registry.list())
        .extracting(ModelStatus::state)
        .containsExactly(ModelState.LOADING, ModelState.FAILED);
    assertThatThrownBy(() -> registry.find("pickle", "", Optional.empty()))
        .isInstanceOf(Unavailable.class)
        .hasMessageContaining("failed to load");
  }

  @Test
  void unload_readyModel_isGoneAndCanComeBack() {
    ModelHandle handle = registry.load(TestModels.golden("seqcls"));
    assertThatThrownBy(() -> registry.load(TestModels.golden("seqcls")))
        .hasMessageContaining("loaded already");
    registry.unload(handle);
    assertThat(handle.state()).isEqualTo(ModelState.UNLOADING);
    assertThat(registry.list()).isEmpty();
    assertThat(registry.load(TestModels.golden("seqcls")).state()).isEqualTo(ModelState.READY);
    assertThat(news)
        .containsSequence(
            "[seqcls LOADING]", "[seqcls READY]", "[seqcls UNLOADING]", "[]", "[seqcls LOADING]");
  }

  @Test
  void load_model_knowsItsLimitsAndParameters() {
    ModelHandle handle = registry.load(TestModels.textcls());
    assertThat(handle.maxTokens()).isEqualTo(128);
    assertThat(handle.tokenizer()).isPresent();
    assertThat(handle.tasks()).containsExactlyInAnyOrder(ModelTask.CLASSIFY, ModelTask.EMBED);
    // 4096 x 12 words, 128 x 12 positions, two layers of 12 x 29, a head of 3.
    long layer = 4 * (12 * 12 + 12) + 2 * 24 + 12 * 29 + 29 + 29 * 12 + 12;
    assertThat(handle.parameters())
        .isEqualTo(4096 * 12 + 128 * 12 + 24 + 2 * layer + 12 * 12 + 12 + 3 * 12 + 3);
  }

  /// Breaks if a device is left without the model, or keeps it; or if one that is lost keeps models
  /// from being loaded and unloaded on the other.
  @Test
  void load_twoDevicesOfWhichOneIsLost_modelIsWhereItCanBe() throws Exception {
    FakeCuda.Cards cards = new FakeCuda.Cards(2);
    Kernels first = cards.open(new KernelsOptions(1));
    Kernels second = cards.open(new KernelsOptions(1, DType.F32, 1));
    try (Batcher two =
            Batcher.start(
                BatchConfig.DEFAULT, 2, 2, Runnable::run, Ticker.SYSTEM, BatchListener.NONE);
        ModelRegistry models =
            new ModelRegistry(
                two,
                List.of(first, second),
                new RegistryConfig(Duration.ofMillis(20), 32, 32),
                Ticker.SYSTEM,
                _ -> {})) {
      ModelHandle before = models.load(TestModels.golden("seqcls"));
      assertThat(before.models()).containsOnlyKeys(0, 1);
      cards.lose(0);
      TextInput text =
          new TextInput(new int[1], new int[1], new int[1], List.of(new Readout.Head()));
      while (!two.lost(0)) {
        var _ =
            two.submit(before.queue(), List.of(text), Priority.NORMAL, Ticker.NO_DEADLINE)
                .result()
                .exceptionally(_ -> null)
                .get(30, TimeUnit.SECONDS);
      }
      ModelHandle after = models.load(TestModels.golden("base"));
      assertThat(after.models()).containsOnlyKeys(1);
      assertThat(models.devices()).first().asString().endsWith("(lost)");
      models.unload(before);
      models.unload(after);
    }
    second.close();
    first.close();
    assertThat(cards.clean(1)).isTrue();
  }
}
