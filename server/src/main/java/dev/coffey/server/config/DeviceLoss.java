package dev.coffey.server.config;

/// What a server does when its device is lost.
public enum DeviceLoss {
  EXIT,
  STAY
}
