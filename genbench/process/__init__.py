"""One task in one supervised process of this machine."""
