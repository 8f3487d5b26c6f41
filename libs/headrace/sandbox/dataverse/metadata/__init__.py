"""What the service says about its tables: `$metadata`, EntityDefinitions, and the customizations that they take."""
