"""Model runtimes: MLServer's MLModel over what lies in a model's folder."""
