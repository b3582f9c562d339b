"""The module library as a page: contracts from the sources, timing, measured resources.

``python -m hwcompress.hls.catalogue page docs/modules.md`` writes the page;
``python -m hwcompress.hls.catalogue measure`` runs Yosys for every setting whose
row in ``resources.csv`` is missing or belongs to other code.
"""
