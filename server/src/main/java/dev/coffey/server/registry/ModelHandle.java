package dev.coffey.server.registry;

import dev.coffey.model.HeadKind;
import dev.coffey.model.ModelConfig;
import dev.coffey.model.TextModel;
import dev.coffey.model.checkpoint.RankConfig;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.server.batch.ModelQueue;
import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/// A model that is loaded: what the services need to read requests for it and to write its answers.
/// Everything but the state and the warmth is fixed; any thread may read it.
public final class ModelHandle {
  private final String name;
  private final String version;
  private final Map<Integer, TextModel> models;
  private final Optional<Tokenizer> tokenizer;
  private final EmbeddingDefaults embedding;
  private final RankConfig rank;
  private final int maxTokens;
  private final long parameters;
  private final Set<ModelTask> tasks;
  private final ModelQueue queue;
  private final Duration loadTime;
  private final CompletableFuture<Boolean> warm = new CompletableFuture<>();
  private volatile ModelState state = ModelState.READY;

  ModelHandle(
      String name,
      String version,
      Map<Integer, TextModel> models,
      Optional<Tokenizer> tokenizer,
      EmbeddingDefaults embedding,
      RankConfig rank,
      int maxTokens,
      long parameters,
      Set<ModelTask> tasks,
      ModelQueue queue,
      Duration loadTime) {
    this.name = name;
    this.version = version;
    this.models = Collections.unmodifiableMap(new TreeMap<>(models));
    this.tokenizer = tokenizer;
    this.embedding = embedding;
    this.rank = rank;
    this.maxTokens = maxTokens;
    this.parameters = parameters;
    this.tasks = Collections.unmodifiableSet(tasks);
    this.queue = queue;
    this.loadTime = loadTime;
  }

  /// The folder's name.
  public String name() {
    return name;
  }

  /// The number of the folder below it, or `1` where there are no numbers.
  public String version() {
    return version;
  }

  public ModelState state() {
    return state;
  }

  void unloading() {
    state = ModelState.UNLOADING;
  }

  /// Whether it computes at full speed; before, the same bits slower.
  public boolean warm() {
    return warm.isDone();
  }

  /// Completed when it does.
  public CompletionStage<?> whenWarm() {
    return warm.minimalCompletionStage();
  }

  void warmedUp() {
    warm.complete(Boolean.TRUE);
  }

  /// What the checkpoint's config says.
  public ModelConfig config() {
    return model().config();
  }

  public HeadKind headKind() {
    return model().headKind();
  }

  /// Numbers a row that the head gives; 0 without a head.
  public int headOutputs() {
    return model().headOutputs();
  }

  /// Width of a hidden state.
  public int hiddenSize() {
    return model().hiddenSize();
  }

  /// The model itself: shapes only, its numbers are its device's owner's. On several devices that
  /// of the first.
  public TextModel model() {
    return models.values().iterator().next();
  }

  /// The model on each device.
  Map<Integer, TextModel> models() {
    return models;
  }

  /// Bytes that the weights take, on all devices.
  public long weightBytes() {
    return models.values().stream().mapToLong(TextModel::weightBytes).sum();
  }

  /// Bytes that the activations take, on all devices.
  public long workspaceBytes() {
    return models.values().stream().mapToLong(TextModel::workspaceBytes).sum();
  }

  /// Empty where the folder has none: the model then takes token ids only.
  public Optional<Tokenizer> tokenizer() {
    return tokenizer;
  }

  public EmbeddingDefaults embedding() {
    return embedding;
  }

  /// How a cross-encoder's logit becomes a score, where a request does not say.
  public RankConfig rank() {
    return rank;
  }

  /// The longest text in tokens, specials included: the least of what the encoder, the tokenizer
  /// and the folder allow.
  public int maxTokens() {
    return maxTokens;
  }

  /// Numbers in the checkpoint that the model reads.
  public long parameters() {
    return parameters;
  }

  /// What the typed API can ask of it.
  public Set<ModelTask> tasks() {
    return tasks;
  }

  /// Where its requests wait.
  public ModelQueue queue() {
    return queue;
  }

  /// From opening the folder until it was ready.
  public Duration loadTime() {
    return loadTime;
  }
}
