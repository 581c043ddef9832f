package dev.coffey.model.checkpoint;

import dev.coffey.model.Family;
import dev.coffey.model.HeadKind;
import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// Tells a checkpoint's head: from the class that it was saved from, else from the tensors that
/// only one kind of head has.
final class HeadDetection {
  private final Path folder;
  private final Family family;
  private final Map<String, HeadKind> classes;

  private HeadDetection(Path folder, Family family) {
    this.folder = folder;
    this.family = family;
    this.classes = classes(family);
  }

  /// The head of a sentence-transformers folder: none where the checkpoint has no tensors of one,
  /// whatever class the config names. That library reads the encoder alone.
  static HeadKind ofSentences(
      Path folder, Family family, List<String> architectures, Set<String> tensors) {
    return new HeadDetection(folder, family).found(tensors).isEmpty()
        ? HeadKind.NONE
        : head(folder, family, architectures, tensors);
  }

  /// @param architectures the config's; may be empty
  /// @param tensors names of all tensors in the checkpoint
  static HeadKind head(
      Path folder, Family family, List<String> architectures, Set<String> tensors) {
    HeadDetection detection = new HeadDetection(folder, family);
    return architectures.isEmpty()
        ? detection.fromTensors(tensors)
        : detection.fromArchitectures(architectures);
  }

  private HeadKind fromArchitectures(List<String> architectures) {
    Path config = folder.resolve(ConfigReader.FILE);
    Set<HeadKind> kinds = new TreeSet<>();
    for (String name : architectures) {
      HeadKind kind = classes.get(name);
      if (kind == null) {
        throw new CheckpointException(
            Problem.UNSUPPORTED,
            config,
            "architectures: %s is not supported; known for model_type %s: %s. Without the key, the head is told from the tensors"
                .formatted(
                    Quoted.of(name), family.modelType(), String.join(", ", classes.keySet())));
      }
      kinds.add(kind);
    }
    if (kinds.size() > 1) {
      throw new CheckpointException(
          Problem.BAD_CONFIG,
          config,
          "architectures: %s are several heads; leave the one to serve"
              .formatted(Quoted.list(architectures)));
    }
    return kinds.iterator().next();
  }

  private HeadKind fromTensors(Set<String> tensors) {
    Map<String, HeadKind> found = found(tensors);
    if (found.size() > 1) {
      throw severalHeads(found.keySet());
    }
    if (family instanceof Family.MobileBert mobile
        && !mobile.poolerLayer()
        && found.containsValue(HeadKind.TOKEN_CLASSIFICATION)) {
      throw new CheckpointException(
          Problem.BAD_CONFIG,
          folder,
          "config.json has no architectures, and without a pooler a classifier over texts can't be told from one over tokens; name one of %s there"
              .formatted(String.join(", ", classes.keySet())));
    }
    return found.values().stream().findFirst().orElse(HeadKind.NONE);
  }

  /// The heads that there are tensors of, by what tells them.
  private Map<String, HeadKind> found(Set<String> tensors) {
    return switch (family) {
      case Family.DistilBert _ -> distilBert(tensors);
      case Family.Albert _ ->
          bertLike(
              tensors,
              "predictions.dense.weight",
              "sop_classifier.classifier.weight",
              "pooler.weight");
      case Family.Bert(), Family.MobileBert _ ->
          bertLike(
              tensors,
              "cls.predictions.transform.dense.weight",
              "cls.seq_relationship.weight",
              "pooler.dense.weight");
    };
  }

  private Map<String, HeadKind> distilBert(Set<String> tensors) {
    Map<String, HeadKind> found = new LinkedHashMap<>();
    if (tensors.contains("classifier.weight")) {
      found.put(
          "classifier",
          tensors.contains("pre_classifier.weight")
              ? HeadKind.SEQUENCE_CLASSIFICATION
              : HeadKind.TOKEN_CLASSIFICATION);
    }
    if (tensors.contains("pre_classifier.weight") && !tensors.contains("classifier.weight")) {
      throw new CheckpointException(
          Problem.MISSING_TENSOR,
          folder,
          "tensor 'classifier.weight' is missing, though 'pre_classifier.weight' is there");
    }
    answering(tensors, found);
    if (tensors.contains("vocab_transform.weight")) {
      found.put("vocab_transform", HeadKind.MASKED_LM);
    }
    return found;
  }

  /// A classifier over texts stands on the pooler, one over tokens has none.
  private Map<String, HeadKind> bertLike(
      Set<String> tensors, String predictions, String sentencePair, String pooler) {
    Map<String, HeadKind> found = new LinkedHashMap<>();
    if (tensors.contains("classifier.weight")) {
      found.put(
          "classifier",
          tensors.contains(pooler) || tensors.contains(family.modelType() + "." + pooler)
              ? HeadKind.SEQUENCE_CLASSIFICATION
              : HeadKind.TOKEN_CLASSIFICATION);
    }
    answering(tensors, found);
    boolean predicts = tensors.contains(predictions);
    boolean pairs = tensors.contains(sentencePair);
    if (predicts || pairs) {
      found.put(
          predicts ? predictions : sentencePair,
          predicts && pairs
              ? HeadKind.PRETRAINING
              : predicts ? HeadKind.MASKED_LM : HeadKind.NEXT_SENTENCE);
    }
    return found;
  }

  private static void answering(Set<String> tensors, Map<String, HeadKind> found) {
    if (tensors.contains("qa_outputs.weight")) {
      found.put("qa_outputs", HeadKind.QUESTION_ANSWERING);
    }
  }

  private CheckpointException severalHeads(Set<String> found) {
    return new CheckpointException(
        Problem.BAD_CONFIG,
        folder,
        "config.json has no architectures, and the tensors are those of several heads (%s); name one of %s there"
            .formatted(String.join(", ", found), String.join(", ", classes.keySet())));
  }

  private static Map<String, HeadKind> classes(Family family) {
    String prefix = ModelType.named(family.modelType()).orElseThrow().classPrefix();
    Map<String, HeadKind> classes = new LinkedHashMap<>();
    for (HeadKind kind : kinds(family)) {
      classes.put(prefix + classSuffix(kind), kind);
    }
    return classes;
  }

  private static Set<HeadKind> kinds(Family family) {
    Set<HeadKind> kinds = new LinkedHashSet<>(List.of(HeadKind.values()));
    switch (family) {
      case Family.DistilBert _ ->
          kinds.removeAll(Set.of(HeadKind.NEXT_SENTENCE, HeadKind.PRETRAINING));
      case Family.Albert _ -> kinds.remove(HeadKind.NEXT_SENTENCE);
      case Family.Bert(), Family.MobileBert _ -> {}
    }
    return kinds;
  }

  private static String classSuffix(HeadKind kind) {
    return switch (kind) {
      case NONE -> "Model";
      case SEQUENCE_CLASSIFICATION -> "ForSequenceClassification";
      case TOKEN_CLASSIFICATION -> "ForTokenClassification";
      case QUESTION_ANSWERING -> "ForQuestionAnswering";
      case MASKED_LM -> "ForMaskedLM";
      case NEXT_SENTENCE -> "ForNextSentencePrediction";
      case PRETRAINING -> "ForPreTraining";
    };
  }
}
