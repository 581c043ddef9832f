package dev.coffey.model;

import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.model.checkpoint.Checkpoint;
import dev.coffey.model.checkpoint.CheckpointNames;
import dev.coffey.model.checkpoint.ModelFolder;
import dev.coffey.model.encoder.Encoder;
import dev.coffey.model.encoder.LayerListener;
import dev.coffey.model.encoder.ParameterReader;
import dev.coffey.model.encoder.RaggedBatch;
import dev.coffey.model.encoder.RecordedPass;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
/// One thread, the owner of the [Kernels], loads, runs and closes. The questions about shape
/// ([#config] and the like) may be asked from any thread.
public final class TextModel implements BatchRunner, AutoCloseable {
  /// Rows that a head computes at a time: bounds the logits' memory to 256 vocabularies for a
  /// masked LM.
  private static final int HEAD_ROWS = 256;

  /// Not weights: checkpoints of older versions carry the numbers 0, 1, 2 … and zeros along.
  private static final Set<String> BUFFERS =
      Set.of("embeddings.position_ids", "embeddings.token_type_ids");

  private final Kernels kernels;
  private final ModelConfig config;
  private final HeadKind headKind;
  private final Encoder encoder;
  private final Heads heads;
  private final List<Dense> dense;
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
      TensorArena memory,
      List<String> surplusTensors) {
    this.kernels = kernels;
    this.config = config;
    this.headKind = headKind;
    this.encoder = encoder;
    this.heads = heads;
    this.dense = dense;
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
        new TextModel(kernels, config, headKind, encoder, heads, dense, memory, surplus);
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
    Workspace space = reserve(tokens, texts);
    space.forward.prepare(space.batch, tokens);
  }

  private Workspace reserve(int tokens, int texts) {
    Workspace now = workspace;
    if (now != null && tokens <= now.tokens && texts <= now.texts) {
      return now;
    }
    int newTokens = now == null ? tokens : Math.max(tokens, now.tokens);
    int newTexts = now == null ? texts : Math.max(texts, now.texts);
    if (now != null) {
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
    if (texts.isEmpty()) {
      return List.of();
    }
    RowPlan plan = RowPlan.of(texts, headPerToken());
    Workspace space = reserve(plan.tokens(), texts.size());
    space.fill(texts, plan);
    Tensor hidden = space.forward.run(space.batch, listener);
    return space.read(texts, plan, hidden);
  }

  @Override
  public void close() {
    if (workspace != null) {
      workspace.close();
      workspace = null;
    }
    memory.close();
  }

  /// The memory for a batch's way through the model, on the device and on the host.
  private final class Workspace {
    private final int tokens;
    private final int texts;
    private final TensorArena arena;
    private final long bytes;
    private final RaggedBatch batch;
    private final RecordedPass forward;
    private final Indices headRows;
    private final Tensor headHidden;
    private final Tensor headScratch;
    private final Tensor headLogits;
    private final Tensor pooled;
    private final Tensor denseScratch;
    private final Tensor densed;
    private final int[] ids;
    private final int[] types;
    private final int[] positions;

    Workspace(TensorArena arena, int tokens, int texts) {
      this.tokens = tokens;
      this.texts = texts;
      this.arena = arena;
      long before = arena.bytes();
      batch = new RaggedBatch(kernels, arena, tokens, texts);
      forward = RecordedPass.plan(encoder, kernels, arena, tokens, texts);
      headRows = arena.indices(HEAD_ROWS);
      headHidden = arena.tensor(HEAD_ROWS, config.dim());
      headScratch = arena.tensor(HEAD_ROWS, heads.mostScratchColumns());
      headLogits = arena.tensor(HEAD_ROWS, heads.mostOutputs());
      pooled = arena.tensor(texts, Pooling.values().length * config.dim());
      denseScratch = arena.tensor(texts, Dense.scratchColumns(dense));
      densed = arena.tensor(texts, denseOutputs());
      bytes = arena.bytes() - before;
      ids = new int[tokens];
      types = new int[tokens];
      positions = new int[tokens];
    }

    /// Gives back what it has beside the model's own memory.
    void close() {
      forward.close();
      if (!arena.equals(memory)) {
        arena.close();
      }
    }

    void fill(List<TextInput> inputs, RowPlan plan) {
      int at = 0;
      for (TextInput input : inputs) {
        check(input);
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

    List<List<Matrix>> read(List<TextInput> inputs, RowPlan plan, Tensor hidden) {
      Matrix[][] results = new Matrix[inputs.size()][];
      List<HeadRequest> mainRequests = new ArrayList<>();
      List<HeadRequest> pairRequests = new ArrayList<>();
      List<HeadRequest> poolerRequests = new ArrayList<>();
      Map<Readout.Pooled, List<Slot>> pooledSlots = new LinkedHashMap<>();
      for (int t = 0; t < inputs.size(); t++) {
        List<Readout> readouts = inputs.get(t).readouts();
        results[t] = new Matrix[readouts.size()];
        for (int r = 0; r < readouts.size(); r++) {
          Slot slot = new Slot(results[t], r, t);
          int length = inputs.get(t).tokens();
          switch (readouts.get(r)) {
            case Readout.Head() ->
                mainRequests.add(HeadRequest.of(slot, plan, headPerToken() ? length : 1));
            case Readout.HeadAt(List<Integer> rows) ->
                mainRequests.add(HeadRequest.of(slot, plan, rows));
            case Readout.SentencePair() -> pairRequests.add(HeadRequest.of(slot, plan, 1));
            case Readout.Pooler() -> poolerRequests.add(HeadRequest.of(slot, plan, 1));
            case Readout.Hidden() -> slot.set(hiddenStates(plan, t, length, hidden));
            case Readout.Pooled pooling ->
                pooledSlots.computeIfAbsent(pooling, _ -> new ArrayList<>()).add(slot);
          }
        }
      }
      runHead(heads.main(), "head", mainRequests, hidden);
      runHead(heads.sentencePair(), "sentence-pair head", pairRequests, hidden);
      runHead(heads.pooler(), "pooler", poolerRequests, hidden);
      pooledSlots.forEach((pooling, slots) -> pool(pooling, slots, hidden));
      List<List<Matrix>> lists = new ArrayList<>(results.length);
      for (Matrix[] matrices : results) {
        lists.add(List.of(matrices));
      }
      return lists;
    }

    private Matrix hiddenStates(RowPlan plan, int text, int length, Tensor hidden) {
      float[] values = new float[length * hidden.columns()];
      kernels.download(hidden.rows(plan.selectedIndex(text, 0), length), values);
      return new Matrix(length, hidden.columns(), values);
    }

    /// Runs a head over all rows that were asked for, some at a time.
    private void runHead(
        @Nullable TaskHead head, String name, List<HeadRequest> requests, Tensor hidden) {
      if (requests.isEmpty()) {
        return;
      }
      if (head == null) {
        throw new IllegalArgumentException(
            "the model has no %s; its checkpoint is one of %s".formatted(name, headKind));
      }
      int outputs = head.outputs();
      int total = 0;
      for (HeadRequest request : requests) {
        total += request.rows.length;
      }
      int[] rows = new int[total];
      int at = 0;
      for (HeadRequest request : requests) {
        System.arraycopy(request.rows, 0, rows, at, request.rows.length);
        at += request.rows.length;
      }
      HeadScatter scatter = new HeadScatter(requests, outputs);
      int[] block = new int[Math.min(HEAD_ROWS, total)];
      float[] logits = new float[block.length * outputs];
      for (int from = 0; from < total; from += HEAD_ROWS) {
        int count = Math.min(HEAD_ROWS, total - from);
        System.arraycopy(rows, from, block, 0, count);
        kernels.upload(block, count, headRows);
        Tensor x = headHidden.rows(0, count);
        kernels.gather(hidden, headRows.first(count), x);
        Tensor y = headLogits.rows(0, count).columns(0, outputs);
        Tensor scratch = headScratch.rows(0, count);
        kernels.download(Dense.run(kernels, head.layers(), x, scratch, y), logits);
        scatter.take(logits, count);
      }
    }

    private void pool(Readout.Pooled readout, List<Slot> slots, Tensor hidden) {
      int width = hidden.columns();
      int count = readout.poolings().size();
      Tensor vectors = pooled.rows(0, batch.texts()).columns(0, count * width);
      for (int p = 0; p < count; p++) {
        kernels.pool(
            hidden,
            batch.selectedOffsets(),
            readout.poolings().get(p),
            vectors.columns(p * width, width));
      }
      if (readout.dense()) {
        vectors = throughDense(vectors);
      }
      if (readout.normalize()) {
        kernels.l2Normalize(vectors, vectors);
      }
      for (Slot slot : slots) {
        float[] values = new float[vectors.columns()];
        kernels.download(vectors.rows(slot.text, 1), values);
        slot.set(new Matrix(1, values.length, values));
      }
    }

    private Tensor throughDense(Tensor vectors) {
      if (dense.isEmpty()) {
        throw new IllegalArgumentException("the model's folder has no Dense layers");
      }
      int inputs = dense.getFirst().weights().inputs();
      if (vectors.columns() != inputs) {
        throw new IllegalArgumentException(
            "the folder's Dense layer reads vectors of %d numbers; these poolings give %d"
                .formatted(inputs, vectors.columns()));
      }
      int rows = vectors.rows();
      return Dense.run(kernels, dense, vectors, denseScratch.rows(0, rows), densed.rows(0, rows));
    }
  }

  /// Where a result goes.
  @SuppressWarnings("ArrayRecordComponent") // the array is the place, not a value
  private record Slot(Matrix[] results, int readout, int text) {
    void set(Matrix value) {
      results[readout] = value;
    }
  }

  /// Rows of the hidden states that the head shall read for one readout.
  @SuppressWarnings("ArrayRecordComponent") // private and never compared
  private record HeadRequest(Slot slot, int[] rows) {
    static HeadRequest of(Slot slot, RowPlan plan, int length) {
      int[] rows = new int[length];
      int first = plan.selectedIndex(slot.text, 0);
      for (int i = 0; i < length; i++) {
        rows[i] = first + i;
      }
      return new HeadRequest(slot, rows);
    }

    static HeadRequest of(Slot slot, RowPlan plan, List<Integer> wanted) {
      int[] rows = new int[wanted.size()];
      for (int i = 0; i < rows.length; i++) {
        rows[i] = plan.selectedIndex(slot.text, wanted.get(i));
      }
      return new HeadRequest(slot, rows);
    }
  }

  /// Hands rows of logits, which come in blocks, to the readouts that asked for them, in order.
  private static final class HeadScatter {
    private final List<HeadRequest> requests;
    private final int outputs;
    private int request;
    private int row;
    private float[] values;

    HeadScatter(List<HeadRequest> requests, int outputs) {
      this.requests = requests;
      this.outputs = outputs;
      this.values = new float[requests.getFirst().rows.length * outputs];
    }

    void take(float[] logits, int count) {
      for (int i = 0; i < count; i++) {
        System.arraycopy(logits, i * outputs, values, row * outputs, outputs);
        row++;
        HeadRequest current = requests.get(request);
        if (row == current.rows.length) {
          current.slot.set(new Matrix(row, outputs, values));
          row = 0;
          request++;
          if (request < requests.size()) {
            values = new float[requests.get(request).rows.length * outputs];
          }
        }
      }
    }
  }
}
