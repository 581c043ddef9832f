package dev.coffey.server.registry;

import dev.coffey.kernels.Kernels;
import dev.coffey.model.BatchLimits;
import dev.coffey.model.BatchRunner;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import dev.coffey.model.TextModel;
import dev.coffey.model.checkpoint.ModelFolder;
import dev.coffey.model.checkpoint.ModelLocation;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.server.batch.Batcher;
import dev.coffey.server.batch.ModelQueue;
import dev.coffey.server.batch.Ticker;
import dev.coffey.server.batch.WarmUp;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.failure.InferenceException.Unavailable;
import dev.coffey.server.failure.InferenceException.UnknownModel;
import dev.coffey.server.failure.InferenceException.UnsupportedTask;
import dev.coffey.server.names.NearNames;
import dev.coffey.server.registry.RegistryConfig.ReadyWhen;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// All models of a server. Finding one is lock-free and done by handlers; loading and unloading
/// block their caller and do what touches the device on the batcher's device thread, one step at a
/// time, so that other models keep answering between the steps.
public final class ModelRegistry implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ModelRegistry.class);

  /// What a client is told to wait for a model that is on its way; about what a load takes.
  private static final Duration LOAD_RETRY = Duration.ofSeconds(1);

  /// How long the JIT may take for a backend's code: a few seconds on two idle cores, and many
  /// times as long on busy ones.
  private static final Duration COMPILE_LIMIT = Duration.ofMinutes(2);

  /// The version of a model whose folder has no numbers below it.
  private static final int UNVERSIONED = 1;

  /// One version of a model, from the moment that it is named.
  private record Slot(
      String name, int version, ModelState state, String message, @Nullable ModelHandle handle) {
    ModelStatus status() {
      return new ModelStatus(
          name, Integer.toString(version), state, message, Optional.ofNullable(handle));
    }

    boolean is(Slot other) {
      return name.equals(other.name) && version == other.version;
    }
  }

  private final Batcher batcher;
  private final List<Kernels> kernels;
  private final RegistryConfig config;
  private final Ticker ticker;
  private final RegistryListener listener;
  private final Function<TextModel, BatchRunner> runners;

  /// By name, then newest first. Replaced whole; written under the lock only.
  private volatile List<Slot> slots = List.of();

  private final Object lock = new Object();

  private volatile boolean closing;

  /// Warms up what serves already, one model after the other.
  private final ExecutorService background =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().name("coffey-warm-up").daemon().factory());

  /// A registry whose models run themselves.
  ///
  /// @param kernels each device's, in the batcher's order
  public ModelRegistry(
      Batcher batcher,
      List<Kernels> kernels,
      RegistryConfig config,
      Ticker ticker,
      RegistryListener listener) {
    this(batcher, kernels, config, ticker, listener, model -> model);
  }

  /// As above; `runners` gives what the batcher calls in place of each model, for tests that need a
  /// device that is slow or fails.
  public ModelRegistry(
      Batcher batcher,
      List<Kernels> kernels,
      RegistryConfig config,
      Ticker ticker,
      RegistryListener listener,
      Function<TextModel, BatchRunner> runners) {
    this.batcher = batcher;
    this.kernels = List.copyOf(kernels);
    this.config = config;
    this.ticker = ticker;
    this.listener = listener;
    this.runners = runners;
  }

  /// The backend that all models run on: that of the first device, like which the others are.
  public Kernels kernels() {
    return kernels.getFirst();
  }

  /// What each device is, for a person; a lost one says so.
  public List<String> devices() {
    List<String> descriptions = new ArrayList<>();
    for (int device = 0; device < kernels.size(); device++) {
      String description = kernels.get(device).description();
      descriptions.add(batcher.lost(device) ? description + " (lost)" : description);
    }
    return descriptions;
  }

  // ---- finding

  /// The model for a request.
  ///
  /// @param name may be empty where just one model that is ready has the task
  /// @param version empty for the newest that is ready
  /// @param task empty if any model will do
  /// @throws dev.coffey.server.failure.InferenceException saying why there is none
  public ModelHandle find(String name, String version, Optional<ModelTask> task) {
    List<Slot> all = slots;
    List<Slot> named = name.isEmpty() ? only(all, task) : named(all, name);
    ModelHandle handle = version(named, version);
    if (task.isPresent() && !handle.tasks().contains(task.get())) {
      throw unsupported(handle.name(), task.get(), handle.tasks());
    }
    return handle;
  }

  /// All versions of all models, by name and then by version.
  public List<ModelStatus> list() {
    return slots.stream()
        .sorted(Comparator.comparing(Slot::name).thenComparingInt(Slot::version))
        .map(Slot::status)
        .toList();
  }

  /// Whether there are models and none is loading or failed.
  public boolean ready() {
    List<Slot> all = slots;
    return !all.isEmpty()
        && all.stream()
            .allMatch(slot ->
                switch (slot.state()) {
                  case READY, UNLOADING -> true;
                  case LOADING, FAILED -> false;
                });
  }

  private static List<Slot> only(List<Slot> all, Optional<ModelTask> task) {
    Predicate<Slot> able =
        slot ->
            slot.state() == ModelState.READY
                && slot.handle() != null
                && (task.isEmpty() || slot.handle().tasks().contains(task.get()));
    List<String> names = all.stream().filter(able).map(Slot::name).distinct().toList();
    if (names.size() == 1) {
      return all.stream()
          .filter(slot -> slot.name().equals(names.getFirst()) && able.test(slot))
          .toList();
    }
    String what = task.map(wanted -> " can " + wanted.verb()).orElse(" are served");
    if (names.size() > 1) {
      throw new InvalidArgument(
          "model",
          "no model named, and %d models%s: name one of %s"
              .formatted(names.size(), what, String.join(", ", names)));
    }
    Set<String> others = all.stream().map(Slot::name).collect(Collectors.toSet());
    if (all.stream().noneMatch(slot -> slot.state() == ModelState.READY)) {
      throw new Unavailable("no model is ready yet", LOAD_RETRY);
    }
    Set<ModelTask> tasks = EnumSet.noneOf(ModelTask.class);
    all.stream()
        .map(Slot::handle)
        .forEach(handle -> {
          if (handle != null) {
            tasks.addAll(handle.tasks());
          }
        });
    throw unsupported(
        others.stream().sorted().collect(Collectors.joining("', '")), task.orElseThrow(), tasks);
  }

  private static List<Slot> named(List<Slot> all, String name) {
    List<Slot> named = all.stream().filter(slot -> slot.name().equals(name)).toList();
    if (named.isEmpty()) {
      throw new UnknownModel(
          shortened(name), NearNames.of(name, all.stream().map(Slot::name).distinct().toList()));
    }
    return named;
  }

  private static ModelHandle version(List<Slot> named, String version) {
    if (!version.isEmpty()) {
      Slot slot =
          named.stream()
              .filter(candidate -> Integer.toString(candidate.version()).equals(version))
              .findFirst()
              .orElseThrow(() ->
                  new UnknownModel(
                      named.getFirst().name() + "/" + shortened(version),
                      named.stream().map(each -> each.name() + "/" + each.version()).toList()));
      if (slot.state() == ModelState.READY && slot.handle() != null) {
        return slot.handle();
      }
      throw unavailable(slot);
    }
    for (Slot slot : named) {
      if (slot.state() == ModelState.READY && slot.handle() != null) {
        return slot.handle();
      }
    }
    throw unavailable(named.getFirst());
  }

  private static Unavailable unavailable(Slot slot) {
    String why =
        switch (slot.state()) {
          case LOADING, READY -> "is loading; try again soon";
          case UNLOADING -> "is being unloaded";
          case FAILED -> "failed to load: " + slot.message();
        };
    return new Unavailable(
        "model '%s' version %d %s".formatted(slot.name(), slot.version(), why), LOAD_RETRY);
  }

  private static UnsupportedTask unsupported(
      String name, ModelTask task, Collection<ModelTask> tasks) {
    List<String> able = new ArrayList<>(tasks.stream().sorted().map(ModelTask::verb).toList());
    // Every model is served over v2.
    able.add("inference.GRPCInferenceService/ModelInfer");
    return new UnsupportedTask(name, task.verb(), able);
  }

  private static String shortened(String name) {
    return name.length() <= 80 ? name : name.substring(0, 80) + "…";
  }

  // ---- loading

  /// Loads all of `locations`, one after the other, each announced as LOADING from the start.
  ///
  /// @throws RuntimeException the first failure, after which nothing more is loaded
  public void loadAll(List<ModelLocation> locations) {
    for (ModelLocation location : locations) {
      announce(location);
    }
    for (ModelLocation location : locations) {
      load(location);
    }
  }

  /// Reads, packs and warms up one model, and returns once it answers requests.
  ///
  /// @throws RuntimeException if it can't be loaded; the model is then FAILED, with the reason
  public ModelHandle load(ModelLocation location) {
    Slot slot = announce(location);
    try {
      ModelHandle handle = open(location, slot);
      put(new Slot(slot.name(), slot.version(), ModelState.READY, "", handle));
      return handle;
    } catch (RuntimeException | Error e) {
      String message = e.getMessage() == null ? e.toString() : e.getMessage();
      put(new Slot(slot.name(), slot.version(), ModelState.FAILED, message, null));
      throw e;
    }
  }

  private Slot announce(ModelLocation location) {
    OptionalInt version = location.version();
    Slot slot =
        new Slot(location.name(), version.orElse(UNVERSIONED), ModelState.LOADING, "", null);
    synchronized (lock) {
      for (Slot other : slots) {
        if (other.is(slot) && other.handle() != null) {
          throw new IllegalArgumentException(
              "model '%s' version %d is loaded already".formatted(slot.name(), slot.version()));
        }
      }
      put(slot);
    }
    return slot;
  }

  private ModelHandle open(ModelLocation location, Slot slot) {
    long start = ticker.nanoTime();
    try (ModelFolder folder = ModelFolder.open(location.path())) {
      Optional<Tokenizer> tokenizer = tokenizer(folder);
      try {
        BatchLimits limits = limits(folder.config().maxPositions());
        Map<Integer, TextModel> models = new TreeMap<>();
        try {
          for (int device = 0; device < kernels.size(); device++) {
            if (!batcher.lost(device)) {
              Kernels own = kernels.get(device);
              models.put(device, onDevice(device, () -> TextModel.load(folder, own, limits)));
            }
          }
          if (models.isEmpty()) {
            throw new Unavailable("no device is left to load a model on", LOAD_RETRY);
          }
          return serve(slot, folder, tokenizer, models, start);
        } catch (RuntimeException | Error e) {
          close(models);
          throw e;
        }
      } catch (RuntimeException | Error e) {
        tokenizer.ifPresent(Tokenizer::close);
        throw e;
      }
    }
  }

  /// The largest batches that warm-up or requests will bring.
  private BatchLimits limits(int maxTokens) {
    BatchLimits warmUp = WarmUpRun.most(config.batchMaxTokens());
    int tokens = config.batchMaxTokens() > 0 ? config.batchMaxTokens() : warmUp.tokens();
    return new BatchLimits(
        Math.max(tokens, maxTokens), Math.max(warmUp.texts(), config.batchMaxTexts()));
  }

  private void close(Map<Integer, TextModel> models) {
    models.forEach((device, model) ->
        onDevice(
            device,
            () -> {
              model.close();
              return Boolean.TRUE;
            }));
  }

  private static Optional<Tokenizer> tokenizer(ModelFolder folder) {
    if (!folder.tokenizerFiles().any()) {
      log.warn(
          "model '{}' has neither tokenizer.json nor vocab.txt nor spiece.model: it takes token ids only",
          folder.name());
      return Optional.empty();
    }
    Tokenizer tokenizer = Tokenizer.load(folder.path());
    int rows = folder.config().vocabSize();
    if (tokenizer.vocabularySize() > rows) {
      tokenizer.close();
      throw new IllegalArgumentException(
          "%s: the tokenizer has %d entries, but config.json's vocab_size is %d: ids from %d on would have no embedding"
              .formatted(folder.path(), tokenizer.vocabularySize(), rows, rows));
    }
    return Optional.of(tokenizer);
  }

  private ModelHandle serve(
      Slot slot,
      ModelFolder folder,
      Optional<Tokenizer> tokenizer,
      Map<Integer, TextModel> models,
      long start) {
    int first = models.keySet().iterator().next();
    TextModel model = Objects.requireNonNull(models.get(first));
    EmbeddingDefaults embedding = EmbeddingDefaults.of(folder.sentence());
    int maxTokens = model.maxPositions();
    OptionalInt tokenizerLimit =
        tokenizer.map(Tokenizer::modelMaxTokens).orElse(OptionalInt.empty());
    OptionalInt folderLimit =
        folder.sentence().map(sentence -> sentence.maxTokens()).orElse(OptionalInt.empty());
    maxTokens = Math.min(maxTokens, tokenizerLimit.orElse(maxTokens));
    maxTokens = Math.min(maxTokens, folderLimit.orElse(maxTokens));
    if (!model.surplusTensors().isEmpty()) {
      log.warn(
          "model '{}': {} tensors of the checkpoint are not read (GetModel lists them): {}",
          slot.name(),
          model.surplusTensors().size(),
          model.surplusTensors().stream().limit(5).collect(Collectors.joining(", ")));
    }
    // A device that must take no memory while it works, a GPU, makes its records before it serves.
    boolean warmFirst = config.readyWhen() == ReadyWhen.WARM || kernels().sizesArenas();
    WarmUpRun.TimedBatch batch = timedBatch(first, model, () -> true);
    WarmUp warmUp =
        warmFirst
            ? warmUp(slot, batch, maxTokens)
            : WarmUpRun.beforeIt(batch, maxTokens, config.batchMaxTokens());
    prepare(models, () -> true, warmUp, maxTokens);
    Map<Integer, BatchRunner> each = new TreeMap<>();
    models.forEach((device, own) -> each.put(device, runners.apply(own)));
    ModelQueue queue = batcher.register(label(slot), each, warmUp);
    Duration loadTime = Duration.ofNanos(ticker.nanoTime() - start);
    log.info(
        "model '{}' version {} ready in {} ms: batches of up to {} tokens{}",
        slot.name(),
        slot.version(),
        loadTime.toMillis(),
        queue.maxTokens(),
        warmFirst ? "" : " until it is warm");
    ModelHandle handle =
        new ModelHandle(
            slot.name(),
            Integer.toString(slot.version()),
            models,
            tokenizer,
            embedding,
            folder.rank(),
            maxTokens,
            folder.checkpoint().parameters(),
            ModelTask.of(model.headKind(), model.config().labels(), embedding, tokenizer),
            queue,
            loadTime);
    if (warmFirst) {
      handle.warmedUp();
    } else {
      background.execute(() -> warmUpWhileServing(slot, first, handle));
    }
    return handle;
  }

  /// After this no batch takes memory on a device, and none waits for a record to be made.
  private void prepare(
      Map<Integer, TextModel> models, BooleanSupplier loaded, WarmUp warmUp, int maxTokens) {
    int batchTokens = config.batchMaxTokens() > 0 ? config.batchMaxTokens() : warmUp.maxTokens();
    models.forEach((device, own) ->
        onDevice(
            device,
            () -> {
              require(loaded);
              own.prepare(Math.max(batchTokens, maxTokens), config.batchMaxTexts());
              return Boolean.TRUE;
            }));
  }

  /// On a thread of its own: first the backend, then the model, whose batches run between those of
  /// requests.
  private void warmUpWhileServing(Slot slot, int device, ModelHandle handle) {
    try {
      long start = ticker.nanoTime();
      boolean fast = true;
      for (Kernels each : kernels) {
        fast &= each.warmUp(COMPILE_LIMIT);
      }
      BooleanSupplier loaded = () -> !closing && handle.state() == ModelState.READY;
      if (!loaded.getAsBoolean()) {
        return;
      }
      if (!fast) {
        log.warn(
            "backend {} did not reach its full speed within {} s; it goes on slower, with the same results",
            kernels().name(),
            COMPILE_LIMIT.toSeconds());
      }
      TextModel model = Objects.requireNonNull(handle.models().get(device));
      WarmUp warmUp = warmUp(slot, timedBatch(device, model, loaded), handle.maxTokens());
      prepare(handle.models(), loaded, warmUp, handle.maxTokens());
      batcher.warmedUp(handle.queue(), warmUp);
      handle.warmedUp();
      log.info(
          "model '{}' version {} is warm after {} ms: batches of up to {} tokens",
          slot.name(),
          slot.version(),
          (ticker.nanoTime() - start) / 1_000_000,
          handle.queue().maxTokens());
    } catch (CancellationException | Unavailable _) {
      // It is being unloaded, or the server stops.
    } catch (RuntimeException e) {
      log.error("model '{}': warming up failed; it serves on, slower", slot.name(), e);
    }
  }

  /// What metrics and errors call a model.
  private static String label(Slot slot) {
    return slot.version() == UNVERSIONED ? slot.name() : slot.name() + "/" + slot.version();
  }

  private WarmUp warmUp(Slot slot, WarmUpRun.TimedBatch batch, int maxTokens) {
    WarmUpRun.Outcome outcome =
        WarmUpRun.run(batch, ticker, maxTokens, config.warmUpLimit(), config.batchMaxTokens());
    log.info(
        "model '{}': {} warm-up batches in {} ms",
        slot.name(),
        outcome.batches(),
        outcome.nanos() / 1_000_000);
    if (!outcome.settled()) {
      log.warn(
          "model '{}': kernels were still getting faster after warm-up.limit = {} ms; first requests may be slow",
          slot.name(),
          config.warmUpLimit().toMillis());
    }
    return outcome.warmUp();
  }

  /// Asked as the owner of a device, which is who frees models.
  private static void require(BooleanSupplier loaded) {
    if (!loaded.getAsBoolean()) {
      throw new CancellationException("the model is being unloaded");
    }
  }

  private WarmUpRun.TimedBatch timedBatch(int device, TextModel model, BooleanSupplier loaded) {
    Readout readout =
        switch (model.headKind()) {
          case NONE -> new Readout.Hidden();
          // All rows of a masked LM's logits would be most of the work, and nobody asks for them in
          // bulk.
          case MASKED_LM, PRETRAINING -> new Readout.HeadAt(List.of(0));
          case SEQUENCE_CLASSIFICATION, TOKEN_CLASSIFICATION, QUESTION_ANSWERING, NEXT_SENTENCE ->
              new Readout.Head();
        };
    int vocabulary = model.config().vocabSize();
    return (texts, length) -> {
      List<TextInput> batch = new ArrayList<>(texts);
      for (int text = 0; text < texts; text++) {
        batch.add(input(text, length, vocabulary, readout));
      }
      return onDevice(
          device,
          () -> {
            require(loaded);
            long start = ticker.nanoTime();
            var _ = model.run(batch);
            return Math.max(1, ticker.nanoTime() - start);
          });
    };
  }

  private static TextInput input(int text, int length, int vocabulary, Readout readout) {
    int[] ids = new int[length];
    int[] positions = new int[length];
    // Ids all over the table, the same in every start.
    Arrays.setAll(ids, i -> Math.floorMod((text * 31 + i) * 7919, vocabulary));
    Arrays.setAll(positions, i -> i);
    return new TextInput(ids, new int[length], positions, List.of(readout));
  }

  private <T> T onDevice(int device, Callable<T> task) {
    try {
      return batcher.onDevice(device, task).join();
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case RuntimeException unchecked -> throw unchecked;
        case Error error -> throw error;
        case null, default -> throw e;
      }
    }
  }

  private void put(Slot slot) {
    synchronized (lock) {
      List<Slot> next = new ArrayList<>(slots);
      next.removeIf(slot::is);
      next.add(slot);
      next.sort(
          Comparator.comparing(Slot::name)
              .thenComparing(Comparator.comparingInt(Slot::version).reversed()));
      slots = List.copyOf(next);
    }
    listener.changed(list());
  }

  // ---- unloading

  /// Takes a model out: refuses new requests at once, answers what waits, then frees it. Blocks
  /// until it is freed.
  public void unload(ModelHandle handle) {
    Slot slot =
        slots.stream()
            .filter(candidate -> candidate.handle() == handle)
            .findFirst()
            .orElseThrow(() ->
                new IllegalArgumentException(
                    "model '%s' version %s is not loaded"
                        .formatted(handle.name(), handle.version())));
    handle.unloading();
    put(new Slot(slot.name(), slot.version(), ModelState.UNLOADING, "", handle));
    batcher.unregister(handle.queue()).join();
    free(handle);
    synchronized (lock) {
      slots = slots.stream().filter(candidate -> !candidate.is(slot)).toList();
    }
    listener.changed(list());
  }

  private void free(ModelHandle handle) {
    handle.tokenizer().ifPresent(Tokenizer::close);
    close(handle.models());
  }

  /// Frees all models. The batcher must be drained and not yet closed.
  @Override
  public void close() {
    closing = true;
    background.shutdownNow();
    background.close();
    for (Slot slot : slots) {
      ModelHandle handle = slot.handle();
      if (handle != null) {
        unload(handle);
      }
    }
  }
}
