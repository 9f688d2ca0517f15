// Prefixes that people expect to find, for completion and for showing IRIs.

/** Need no PREFIX line: the service knows them. */
export const BUILT_IN_PREFIXES: Readonly<Record<string, string>> = {
  clip: "https://service.swissartresearch.net/clip/",
  rdf: "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
  rdfs: "http://www.w3.org/2000/01/rdf-schema#",
  xsd: "http://www.w3.org/2001/XMLSchema#",
};

/** Of the vocabularies that museums and libraries use. */
export const KNOWN_PREFIXES: Readonly<Record<string, string>> = {
  ...BUILT_IN_PREFIXES,
  aat: "http://vocab.getty.edu/aat/",
  bf: "http://id.loc.gov/ontologies/bibframe/",
  crm: "http://www.cidoc-crm.org/cidoc-crm/",
  crmdig: "http://www.ics.forth.gr/isl/CRMdig/",
  dc: "http://purl.org/dc/elements/1.1/",
  dcat: "http://www.w3.org/ns/dcat#",
  dcmitype: "http://purl.org/dc/dcmitype/",
  dct: "http://purl.org/dc/terms/",
  edm: "http://www.europeana.eu/schemas/edm/",
  exif: "http://www.w3.org/2003/12/exif/ns#",
  foaf: "http://xmlns.com/foaf/0.1/",
  frbroo: "http://iflastandards.info/ns/fr/frbr/frbroo/",
  geo: "http://www.w3.org/2003/01/geo/wgs84_pos#",
  geosparql: "http://www.opengis.net/ont/geosparql#",
  gnd: "https://d-nb.info/gnd/",
  gndo: "https://d-nb.info/standards/elementset/gnd#",
  iiif: "http://iiif.io/api/image/2#",
  iiif3: "http://iiif.io/api/presentation/3#",
  la: "https://linked.art/ns/terms/",
  oa: "http://www.w3.org/ns/oa#",
  ore: "http://www.openarchives.org/ore/terms/",
  owl: "http://www.w3.org/2002/07/owl#",
  prov: "http://www.w3.org/ns/prov#",
  rico: "https://www.ica.org/standards/RiC/ontology#",
  sc: "http://iiif.io/api/presentation/2#",
  schema: "https://schema.org/",
  sdo: "http://schema.org/",
  skos: "http://www.w3.org/2004/02/skos/core#",
  ulan: "http://vocab.getty.edu/ulan/",
  void: "http://rdfs.org/ns/void#",
  wd: "http://www.wikidata.org/entity/",
  wdt: "http://www.wikidata.org/prop/direct/",
};
