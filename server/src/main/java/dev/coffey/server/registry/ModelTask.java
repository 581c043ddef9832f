package dev.coffey.server.registry;

import dev.coffey.model.HeadKind;
import dev.coffey.model.task.ZeroShot;
import dev.coffey.model.tokenize.SpecialToken;
import dev.coffey.model.tokenize.Tokenizer;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// What a client can ask of a model through the typed API.
public enum ModelTask {
  /// Labels with scores for a text.
  CLASSIFY("classify"),
  /// A vector for a text.
  EMBED("embed"),
  /// Documents by their relevance to a query.
  RANK("rank"),
  /// Entities in a text.
  TAG("tag"),
  /// The span of a context that answers a question.
  ANSWER("answer"),
  /// Tokens for the masks of a text.
  FILL_MASK("fill masks"),
  /// Labels that the model was not trained on.
  ZERO_SHOT("classify zero-shot"),
  /// The sentences that stand for a text.
  SUMMARIZE("summarize");

  private static final Set<HeadKind> UNTRAINED =
      EnumSet.of(HeadKind.NONE, HeadKind.MASKED_LM, HeadKind.NEXT_SENTENCE, HeadKind.PRETRAINING);

  private final String verb;

  ModelTask(String verb) {
    this.verb = verb;
  }

  /// What a model can do.
  ///
  /// @param head what its checkpoint has on top of the encoder
  /// @param labels of its config
  /// @param embedding how its folder makes vectors
  /// @param tokenizer empty where it takes token ids only: then it can do what does not need the
  ///   text
  static Set<ModelTask> of(
      HeadKind head,
      List<String> labels,
      EmbeddingDefaults embedding,
      Optional<Tokenizer> tokenizer) {
    Set<ModelTask> tasks = EnumSet.noneOf(ModelTask.class);
    boolean classifies = head == HeadKind.SEQUENCE_CLASSIFICATION;
    boolean embeds = embedding.unsupported().isEmpty();
    // Any encoder gives vectors, but where it was trained for another head they say little: those
    // are computed where asked for, not offered for what is made of them.
    boolean compares = embeds && (embedding.sentence() || UNTRAINED.contains(head));
    if (classifies) {
      tasks.add(CLASSIFY);
    }
    if (embeds) {
      tasks.add(EMBED);
    }
    if (tokenizer.isEmpty()) {
      return tasks;
    }
    if (compares || (classifies && labels.size() == 1)) {
      tasks.add(RANK);
    }
    if (compares) {
      tasks.add(SUMMARIZE);
    }
    if (classifies && ZeroShot.entailment(labels).isPresent()) {
      tasks.add(ZERO_SHOT);
    }
    if (head == HeadKind.TOKEN_CLASSIFICATION) {
      tasks.add(TAG);
    }
    if (head == HeadKind.QUESTION_ANSWERING) {
      tasks.add(ANSWER);
    }
    boolean fills = head == HeadKind.MASKED_LM || head == HeadKind.PRETRAINING;
    if (fills && tokenizer.get().id(SpecialToken.MASK).isPresent()) {
      tasks.add(FILL_MASK);
    }
    return tasks;
  }

  /// The task as a message names it.
  public String verb() {
    return verb;
  }
}
