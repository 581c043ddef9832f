package dev.coffey.model;

import dev.coffey.kernels.BatchSlot;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Recorder;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.model.checkpoint.Checkpoint;
import dev.coffey.model.checkpoint.CheckpointNames;
import dev.coffey.model.checkpoint.ModelFolder;
import dev.coffey.model.checkpoint.SentenceConfig;
import dev.coffey.model.encoder.Encoder;
import dev.coffey.model.encoder.LayerListener;
import dev.coffey.model.encoder.ParameterReader;
import dev.coffey.model.encoder.RaggedBatch;
import dev.coffey.model.encoder.RecordedPass;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A checkpoint loaded onto a device: token ids in, numbers out. Needs no server.
///
/// ```java
/// try (Kernels kernels = ...;
///     ModelFolder folder = ModelFolder.open(Path.of("my-model"));
///     TextModel model = TextModel.load(folder, kernels)) {
///   List<List<Matrix>> logits = model.run(List.of(text));
/// }
/// ```
///
/// The owner of the [Kernels], one thread at a time, loads, runs, starts batches and closes. A
/// batch that was started is finished by any thread. The questions about shape ([#config] and the
/// like) may be asked from any thread.
public final class TextModel implements BatchRunner, AutoCloseable {
  /// Not weights: checkpoints of older versions carry the numbers 0, 1, 2 … and zeros along.
  private static final Set<String> BUFFERS =
      Set.of("embeddings.position_ids", "embeddings.token_type_ids");

  private final Kernels kernels;
  private final ModelConfig config;
  private final HeadKind headKind;
  private final Encoder encoder;
  private final Heads heads;
  private final List<Dense> dense;
  private final List<Readout.Pooled> ownReadout;
  private final TensorArena memory;
  private final long weightBytes;
  private final List<String> surplusTensors;
  private @Nullable Workspace workspace;

  private TextModel(
      Kernels kernels,
      ModelConfig config,
      HeadKind headKind,
      Encoder encoder,
      Heads heads,
      List<Dense> dense,
      List<Readout.Pooled> ownReadout,
      TensorArena memory,
      List<String> surplusTensors) {
    this.kernels = kernels;
    this.config = config;
    this.headKind = headKind;
    this.encoder = encoder;
    this.heads = heads;
    this.dense = dense;
    this.ownReadout = ownReadout;
    this.memory = memory;
    weightBytes = memory.bytes();
    this.surplusTensors = surplusTensors;
  }

  /// Reads all weights of `folder` onto the device. The folder is not needed afterwards.
  ///
  /// @throws dev.coffey.model.checkpoint.CheckpointException if the folder is not what its config
  ///   says; nothing is left behind
  /// @throws dev.coffey.kernels.DeviceMemoryException if the device has too little memory
  public static TextModel load(ModelFolder folder, Kernels kernels) {
    return load(folder, kernels, BatchLimits.UNKNOWN);
  }

  /// As [#load(ModelFolder, Kernels)]; where the device takes its memory in one piece, that of
  /// batches within `limits` is taken too.
  public static TextModel load(ModelFolder folder, Kernels kernels, BatchLimits limits) {
    TensorArena memory =
        kernels.arena(reckoned -> {
          var _ = lay(folder, kernels, limits, reckoned);
        });
    try {
      return lay(folder, kernels, limits, memory);
    } catch (Throwable failure) {
      memory.close();
      throw failure;
    }
  }

  /// Takes from `memory` all that the model needs.
  private static TextModel lay(
      ModelFolder folder, Kernels kernels, BatchLimits limits, TensorArena memory) {
    ModelConfig config = folder.config();
    HeadKind headKind = folder.head();
    memory.begin("weights");
    Checkpoint checkpoint = folder.checkpoint();
    CheckpointNames names = folder.tensorNames();
    ParameterReader encoderParameters = new ParameterReader(checkpoint, names::encoder, memory);
    ParameterReader headParameters = new ParameterReader(checkpoint, names::head, memory);
    Encoder encoder = Encoder.read(kernels, config, encoderParameters);
    Heads heads = new HeadReader(config, headParameters, encoderParameters).read(headKind);
    List<Dense> dense =
        folder
            .sentence()
            .map(sentence -> Dense.read(sentence, config.dim(), memory))
            .orElse(List.of());
    List<String> surplus =
        checkpoint.unread().stream().filter(name -> !BUFFERS.contains(names.bare(name))).toList();
    TextModel model =
        new TextModel(
            kernels,
            config,
            headKind,
            encoder,
            heads,
            dense,
            folder.sentence().map(SentenceConfig::readout).stream().toList(),
            memory,
            surplus);
    if (kernels.sizesArenas() && limits.tokens() > 0) {
      model.workspace = model.workspace(memory, limits.tokens(), limits.texts());
    }
    return model;
  }

  private Workspace workspace(TensorArena arena, int tokens, int texts) {
    arena.begin("activations of up to %d tokens in %d texts".formatted(tokens, texts));
    return new Workspace(arena, tokens, texts);
  }

  /// What the checkpoint's `config.json` says.
  public ModelConfig config() {
    return config;
  }

  /// What the checkpoint has on top of its encoder.
  public HeadKind headKind() {
    return headKind;
  }

  /// Numbers a row that [Readout.Head] gives; 0 without a head.
  public int headOutputs() {
    return heads.main() == null ? 0 : heads.main().outputs();
  }

  /// Whether [Readout.Head] gives a row for every token of a text.
  public boolean headPerToken() {
    return heads.main() != null && heads.main().perToken();
  }

  /// Whether there is a [Readout.Pooler].
  public boolean hasPooler() {
    return heads.pooler() != null;
  }

  /// Numbers that [Readout.SentencePair] gives; 0 where there is none.
  public int sentencePairOutputs() {
    return heads.sentencePair() == null ? 0 : heads.sentencePair().outputs();
  }

  /// Width of the vectors that the folder's Dense layers give; 0 where it has none.
  public int denseOutputs() {
    return dense.isEmpty() ? 0 : dense.getLast().outputs();
  }

  /// Width of the vectors of such a readout.
  public int columns(Readout.Pooled readout) {
    return readout.dense() ? denseOutputs() : readout.poolings().size() * hiddenSize();
  }

  /// H: the width of a hidden state.
  public int hiddenSize() {
    return config.dim();
  }

  /// The longest text in tokens that the encoder has positions for.
  public int maxPositions() {
    return config.maxPositions();
  }

  /// How many segments (token types) the encoder tells apart; 0 where its family reads none.
  public int tokenTypes() {
    return config.tokenTypes();
  }

  /// Tensors of the checkpoint that this model does not read.
  public List<String> surplusTensors() {
    return surplusTensors;
  }

  /// Bytes that the weights take on the device.
  public long weightBytes() {
    return weightBytes;
  }

  /// Bytes that the activations take on the device.
  public long workspaceBytes() {
    return workspace == null ? 0 : workspace.bytes;
  }

  /// Takes the memory that batches of up to `tokens` tokens in up to `texts` texts need, if it was
  /// not taken at load, so that [#run] takes none, and makes all records that a device may keep of
  /// them. Larger batches still run; they make the memory grow first.
  public void prepare(int tokens, int texts) {
    reserve(tokens, texts).sides.forEach(side -> side.prepare(tokens));
  }

  private Workspace reserve(int tokens, int texts) {
    Workspace now = workspace;
    if (now != null && tokens <= now.tokens && texts <= now.texts) {
      return now;
    }
    int newTokens = now == null ? tokens : Math.max(tokens, now.tokens);
    int newTexts = now == null ? texts : Math.max(texts, now.texts);
    if (now != null) {
      now.requireIdle();
      workspace = null;
      now.close();
    }
    TensorArena arena =
        kernels.arena(reckoned -> {
          var _ = workspace(reckoned, newTokens, newTexts);
        });
    try {
      Workspace larger = workspace(arena, newTokens, newTexts);
      workspace = larger;
      return larger;
    } catch (Throwable failure) {
      arena.close();
      throw failure;
    }
  }

  @Override
  public List<List<Matrix>> run(List<TextInput> texts) {
    return run(texts, LayerListener.NONE);
  }

  /// As [#run(List)], showing the activations to `listener`.
  public List<List<Matrix>> run(List<TextInput> texts, LayerListener listener) {
    return start(texts, listener).finish();
  }

  @Override
  public Batch start(List<TextInput> texts) {
    return start(texts, LayerListener.NONE);
  }

  private Batch start(List<TextInput> texts, LayerListener listener) {
    if (texts.isEmpty()) {
      return List::of;
    }
    RowPlan rows = RowPlan.of(texts, headPerToken());
    ReadoutPlan readouts = ReadoutPlan.of(texts, rows, headPerToken());
    Workspace space = reserve(rows.tokens(), texts.size());
    space.check(readouts);
    Side side = space.free();
    side.start(texts, rows, readouts, listener);
    return () -> {
      side.finish();
      return readouts.lists();
    };
  }

  @Override
  public void close() {
    if (workspace != null) {
      workspace.close();
      workspace = null;
    }
    memory.close();
  }

  /// The memory for batches' way through the model: activations, which batches have one after the
  /// other, and for each batch that may be under way at once a side of its own.
  private final class Workspace {
    private final int tokens;
    private final int texts;
    private final TensorArena arena;
    private final long bytes;
    private final List<Side> sides = new ArrayList<>();

    Workspace(TensorArena arena, int tokens, int texts) {
      this.tokens = tokens;
      this.texts = texts;
      this.arena = arena;
      long before = arena.bytes();
      Activations activations =
          new Activations(
              RecordedPass.plan(encoder, kernels, arena, tokens, texts),
              HeadPass.Activations.of(heads, config.dim(), arena),
              PoolingPass.Activations.of(dense, config.dim(), arena, texts));
      for (int side = 0; side < kernels.inFlight(); side++) {
        sides.add(new Side(activations, arena, tokens, texts));
      }
      bytes = arena.bytes() - before;
    }

    /// Gives back what it has beside the model's own memory.
    void close() {
      sides.forEach(Side::close);
      if (!arena.equals(memory)) {
        arena.close();
      }
    }

    void check(ReadoutPlan readouts) {
      readouts
          .pooled()
          .keySet()
          .forEach(readout -> sides.getFirst().pooling.check(readout, config.dim()));
    }

    /// A side that no batch has.
    Side free() {
      return sides.stream()
          .filter(side -> !side.taken)
          .findFirst()
          .orElseThrow(() ->
              new IllegalStateException(
                  "%d batches are under way, as many as the device takes".formatted(sides.size())));
    }

    void requireIdle() {
      if (sides.stream().anyMatch(side -> side.taken)) {
        throw new IllegalStateException(
            "a batch larger than %d tokens in %d texts can't begin while another is under way: prepare for it"
                .formatted(tokens, texts));
      }
    }
  }

  /// What batches have one after the other.
  private record Activations(
      RecordedPass forward, HeadPass.Activations head, PoolingPass.Activations pooling) {}

  /// The way of one of the batches that may be under way at once: its ids and what they are made
  /// from, its records, its results on their way back.
  private final class Side {
    private final TensorArena arena;
    private final RaggedBatch batch;
    private final RecordedPass forward;
    private final Recorder recorder = kernels.recorder();
    private final @Nullable HeadPass main;
    private final @Nullable HeadPass sentencePair;
    private final @Nullable HeadPass pooler;
    private final PoolingPass pooling;
    private final int[] ids;
    private final int[] types;
    private final int[] positions;

    /// Null until it is first needed: memory is reckoned by taking none.
    private @Nullable BatchSlot slot;

    /// Whether a batch was started here and not finished.
    private volatile boolean taken;

    Side(Activations activations, TensorArena arena, int tokens, int texts) {
      this.arena = arena;
      main = headPass(heads.main(), activations.head());
      sentencePair = headPass(heads.sentencePair(), activations.head());
      pooler = headPass(heads.pooler(), activations.head());
      batch = new RaggedBatch(kernels, arena, tokens, texts);
      forward = activations.forward().another(kernels);
      pooling =
          new PoolingPass(
              kernels, recorder, batch, dense, ownReadout, activations.pooling(), texts);
      ids = new int[tokens];
      types = new int[tokens];
      positions = new int[tokens];
    }

    void close() {
      if (slot != null) {
        slot.close();
      }
      recorder.close();
      forward.close();
    }

    private BatchSlot slot() {
      BatchSlot mine = slot;
      if (mine == null) {
        mine = kernels.slot();
        slot = mine;
      }
      return mine;
    }

    void prepare(int tokens) {
      var _ = slot();
      forward.prepare(batch, tokens).forEach(this::prepare);
    }

    void start(List<TextInput> texts, RowPlan rows, ReadoutPlan readouts, LayerListener listener) {
      texts.forEach(this::check);
      BatchSlot way = slot();
      way.begin();
      try {
        // All that the batch needs goes to the device before it starts.
        List<HeadRun> headRuns = upload(readouts);
        fill(texts, rows);
        read(readouts, headRuns, rows, forward.run(batch, listener));
        way.end();
      } catch (Throwable failure) {
        abandon(failure);
        throw failure;
      }
      taken = true;
    }

    private void abandon(Throwable failure) {
      try {
        slot().abandon();
      } catch (RuntimeException alsoFailed) {
        failure.addSuppressed(alsoFailed);
      }
    }

    void finish() {
      try {
        slot().await();
      } finally {
        taken = false;
      }
    }

    private @Nullable HeadPass headPass(@Nullable TaskHead head, HeadPass.Activations activations) {
      return head == null ? null : new HeadPass(head, kernels, recorder, activations, arena);
    }

    /// Records what reads `hidden`.
    private void prepare(Tensor hidden) {
      for (HeadPass head : Arrays.asList(main, sentencePair, pooler)) {
        if (head != null) {
          head.prepare(hidden);
        }
      }
      pooling.prepare(hidden);
    }

    /// Uploads the rows that each head reads first.
    private List<HeadRun> upload(ReadoutPlan readouts) {
      List<HeadRun> runs = new ArrayList<>();
      upload(main, "head", readouts.main(), runs);
      upload(sentencePair, "sentence-pair head", readouts.sentencePair(), runs);
      upload(pooler, "pooler", readouts.pooler(), runs);
      return runs;
    }

    private void upload(
        @Nullable HeadPass head, String name, HeadRequests requests, List<HeadRun> runs) {
      if (requests.isEmpty()) {
        return;
      }
      if (head == null) {
        throw new IllegalArgumentException(
            "the model has no %s; its checkpoint is one of %s".formatted(name, headKind));
      }
      int[] rows = requests.rows();
      head.upload(rows, 0);
      runs.add(new HeadRun(head, requests, rows));
    }

    private void fill(List<TextInput> inputs, RowPlan plan) {
      int at = 0;
      for (TextInput input : inputs) {
        System.arraycopy(input.ids(), 0, ids, at, input.tokens());
        if (hasSegments()) {
          System.arraycopy(input.types(), 0, types, at, input.tokens());
        } else {
          Arrays.fill(types, at, at + input.tokens(), 0);
        }
        System.arraycopy(input.positions(), 0, positions, at, input.tokens());
        at += input.tokens();
      }
      batch.fill(
          ids,
          types,
          positions,
          plan.offsets(),
          plan.selectedRows(),
          plan.selectedOffsets(),
          inputs.size());
    }

    private void check(TextInput input) {
      for (int i = 0; i < input.tokens(); i++) {
        require("token id", input.ids()[i], config.vocabSize());
        require("position", input.positions()[i], config.maxPositions());
        if (hasSegments()) {
          require("token type", input.types()[i], config.tokenTypes());
        }
      }
    }

    /// A tokenizer marks the second text of a pair for every model; DistilBERT has nothing to read
    /// it with, and Hugging Face leaves it out too. A model of one segment has all tokens in it.
    private boolean hasSegments() {
      return config.tokenTypes() > 1;
    }

    private void require(String what, int value, int limit) {
      if (value < 0 || value >= limit) {
        throw new IllegalArgumentException(
            what + " " + value + " is outside the model's 0 to " + (limit - 1));
      }
    }

    private void read(ReadoutPlan readouts, List<HeadRun> headRuns, RowPlan rows, Tensor hidden) {
      headRuns.forEach(run -> runHead(run, hidden));
      readouts.pooled().forEach((readout, slots) -> pool(readout, slots, hidden));
      readouts.hidden().forEach(place -> hiddenStates(rows, place, hidden));
    }

    private void hiddenStates(RowPlan plan, Slot place, Tensor hidden) {
      int length = plan.length(place.text());
      int columns = hidden.columns();
      slot()
          .fetch(
              hidden.rows(plan.selectedIndex(place.text(), 0), length),
              values -> place.set(new Matrix(length, columns, values)));
    }

    /// Runs a head over all rows that were asked for, some at a time; the first are uploaded.
    private void runHead(HeadRun run, Tensor hidden) {
      HeadPass head = run.head();
      int[] rows = run.rows();
      HeadRequests.Scatter scatter = run.requests().scatter(head.outputs());
      for (int from = 0; from < rows.length; from += HeadPass.ROWS) {
        if (from > 0) {
          head.upload(rows, from);
        }
        int count = HeadPass.blockRows(from, rows.length);
        slot().fetch(head.run(hidden, count), logits -> scatter.take(logits, count));
      }
    }

    private void pool(Readout.Pooled readout, List<Slot> slots, Tensor hidden) {
      Tensor vectors = pooling.run(readout, hidden);
      int columns = vectors.columns();
      int first = slots.getFirst().text();
      int count = slots.getLast().text() + 1 - first;
      slot()
          .fetch(
              vectors.rows(first, count),
              values -> {
                for (Slot place : slots) {
                  int from = (place.text() - first) * columns;
                  place.set(
                      new Matrix(1, columns, Arrays.copyOfRange(values, from, from + columns)));
                }
              });
    }
  }

  /// A head with the rows of a batch that it reads.
  @SuppressWarnings("ArrayRecordComponent") // private and never compared
  private record HeadRun(HeadPass head, HeadRequests requests, int[] rows) {}
}
