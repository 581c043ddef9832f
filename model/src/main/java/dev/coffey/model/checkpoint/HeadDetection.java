package dev.coffey.model.checkpoint;

import dev.coffey.model.HeadKind;
import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// Tells a DistilBERT checkpoint's head: from the class that it was saved from, else from the
/// tensors that only one kind of head has.
final class HeadDetection {
  private static final Map<String, HeadKind> CLASSES = classes();

  private HeadDetection() {}

  static HeadKind head(Path folder, List<String> architectures, Set<String> tensors) {
    return architectures.isEmpty()
        ? fromTensors(folder, tensors)
        : fromArchitectures(folder.resolve(ConfigReader.FILE), architectures);
  }

  private static HeadKind fromArchitectures(Path config, List<String> architectures) {
    Set<HeadKind> kinds = new TreeSet<>();
    for (String name : architectures) {
      HeadKind kind = CLASSES.get(name);
      if (kind == null) {
        throw new CheckpointException(
            Problem.UNSUPPORTED,
            config,
            "architectures: %s is not supported; known: %s. Without the key, the head is told from the tensors"
                .formatted(Quoted.of(name), String.join(", ", CLASSES.keySet())));
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

  private static HeadKind fromTensors(Path folder, Set<String> tensors) {
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
    if (tensors.contains("qa_outputs.weight")) {
      found.put("qa_outputs", HeadKind.QUESTION_ANSWERING);
    }
    if (tensors.contains("vocab_transform.weight")) {
      found.put("vocab_transform", HeadKind.MASKED_LM);
    }
    if (found.size() > 1) {
      throw new CheckpointException(
          Problem.BAD_CONFIG,
          folder,
          "config.json has no architectures, and the tensors are those of several heads (%s); name one of %s there"
              .formatted(String.join(", ", found.keySet()), String.join(", ", CLASSES.keySet())));
    }
    return found.values().stream().findFirst().orElse(HeadKind.NONE);
  }

  private static Map<String, HeadKind> classes() {
    Map<String, HeadKind> classes = new LinkedHashMap<>();
    classes.put("DistilBertModel", HeadKind.NONE);
    classes.put("DistilBertForSequenceClassification", HeadKind.SEQUENCE_CLASSIFICATION);
    classes.put("DistilBertForTokenClassification", HeadKind.TOKEN_CLASSIFICATION);
    classes.put("DistilBertForQuestionAnswering", HeadKind.QUESTION_ANSWERING);
    classes.put("DistilBertForMaskedLM", HeadKind.MASKED_LM);
    return classes;
  }
}
