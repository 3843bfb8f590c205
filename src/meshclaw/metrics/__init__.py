"""What a company may ask about itself: metrics, each defined once, answered for units and never for a person."""
