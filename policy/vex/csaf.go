package vex

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The parts of a CSAF document that a status comes from (CSAF 2.0, sections 3.2
// and 4.5, profile 5: VEX).
type (
	csafDocument struct {
		Document struct {
			Category  string `json:"category"`
			Publisher struct {
				Name string `json:"name"`
			} `json:"publisher"`
			Tracking struct {
				ID      string    `json:"id"`
				Current time.Time `json:"current_release_date"`
			} `json:"tracking"`
		} `json:"document"`
		Tree struct {
			Branches      []csafBranch       `json:"branches"`
			Products      []csafProduct      `json:"full_product_names"`
			Groups        []csafGroup        `json:"product_groups"`
			Relationships []csafRelationship `json:"relationships"`
		} `json:"product_tree"`
		Vulnerabilities []csafVulnerability `json:"vulnerabilities"`
	}
	csafBranch struct {
		Branches []csafBranch `json:"branches"`
		Product  *csafProduct `json:"product"`
	}
	csafProduct struct {
		ID     string `json:"product_id"`
		Helper struct {
			PURL   string `json:"purl"`
			CPE    string `json:"cpe"`
			Hashes []struct {
				Files []struct {
					Algorithm string `json:"algorithm"`
					Value     string `json:"value"`
				} `json:"file_hashes"`
			} `json:"hashes"`
		} `json:"product_identification_helper"`
	}
	csafGroup struct {
		ID       string   `json:"group_id"`
		Products []string `json:"product_ids"`
	}
	// csafRelationship makes a product of a component within another.
	csafRelationship struct {
		Category  string      `json:"category"`
		Component string      `json:"product_reference"`
		Within    string      `json:"relates_to_product_reference"`
		Product   csafProduct `json:"full_product_name"`
	}
	csafVulnerability struct {
		CVE string `json:"cve"`
		IDs []struct {
			Text string `json:"text"`
		} `json:"ids"`
		Status map[string][]string `json:"product_status"`
		Flags  []struct {
			Label    string   `json:"label"`
			Products []string `json:"product_ids"`
			Groups   []string `json:"group_ids"`
		} `json:"flags"`
		Threats []struct {
			Category string   `json:"category"`
			Details  string   `json:"details"`
			Products []string `json:"product_ids"`
			Groups   []string `json:"group_ids"`
		} `json:"threats"`
	}
)

// csafStatuses are the lists of product_status that a VEX document has. Others
// (first_affected, recommended, …) say nothing about a product by themselves.
var csafStatuses = map[string]Status{
	"known_affected": Affected, "under_investigation": UnderInvestigation, "fixed": Fixed, "known_not_affected": NotAffected,
}

func parseCSAF(data []byte) (*Document, error) {
	var source csafDocument
	if err := json.Unmarshal(data, &source); err != nil {
		return nil, fmt.Errorf("not a CSAF document: %w", err)
	}
	if source.Document.Category != "csaf_vex" {
		return nil, fmt.Errorf("a CSAF document of category %.40q: only csaf_vex says who is not affected", source.Document.Category)
	}
	products := source.products()
	groups := map[string][]string{}
	for _, g := range source.Tree.Groups {
		groups[g.ID] = g.Products
	}
	document := &Document{ID: source.Document.Tracking.ID, Author: source.Document.Publisher.Name}
	for i, v := range source.Vulnerabilities {
		ids := v.ids()
		if len(ids) == 0 {
			return nil, fmt.Errorf("vulnerability %d: names no id", i+1)
		}
		for _, list := range slices.Sorted(maps.Keys(csafStatuses)) {
			for _, id := range v.Status[list] {
				product, known := products[id]
				if !known {
					return nil, fmt.Errorf("vulnerability %d: %s names product %.80q, which is not in the product tree", i+1, list, id)
				}
				reason := v.reason(id, groups)
				if list == "known_not_affected" && reason == "" {
					return nil, fmt.Errorf("vulnerability %d: product %.80q is known_not_affected, but no flag and no impact says why", i+1, id)
				}
				document.Statements = append(document.Statements, Statement{
					Vulnerabilities: ids, Products: product, Status: csafStatuses[list], Reason: reason, Time: source.Document.Tracking.Current,
				})
			}
		}
	}
	return document, nil
}

func (v csafVulnerability) ids() []string {
	var ids []string
	if v.CVE != "" {
		ids = append(ids, v.CVE)
	}
	for _, id := range v.IDs {
		if id.Text != "" {
			ids = append(ids, id.Text)
		}
	}
	return ids
}

// reason is why a product is not affected: flags first, then impacts.
func (v csafVulnerability) reason(product string, groups map[string][]string) string {
	about := func(products, named []string) bool {
		return slices.Contains(products, product) || slices.ContainsFunc(named, func(g string) bool { return slices.Contains(groups[g], product) })
	}
	var reasons []string
	for _, f := range v.Flags {
		if about(f.Products, f.Groups) {
			reasons = append(reasons, f.Label)
		}
	}
	for _, t := range v.Threats {
		if t.Category == "impact" && (about(t.Products, t.Groups) || len(t.Products)+len(t.Groups) == 0) {
			reasons = append(reasons, t.Details)
		}
	}
	return joinReasons(reasons...)
}

// products are the products of the tree by id. A product by relationship is its
// component within another product.
func (d csafDocument) products() map[string][]Product {
	products := map[string][]Product{}
	add := func(p csafProduct) {
		if p.ID != "" {
			products[p.ID] = []Product{p.product()}
		}
	}
	var walk func([]csafBranch)
	walk = func(branches []csafBranch) { // encoding/json bounds the nesting
		for _, b := range branches {
			if b.Product != nil {
				add(*b.Product)
			}
			walk(b.Branches)
		}
	}
	walk(d.Tree.Branches)
	for _, p := range d.Tree.Products {
		add(p)
	}
	for _, r := range d.Tree.Relationships {
		var joined []Product
		for _, outer := range products[r.Within] {
			outer.Components = products[r.Component]
			joined = append(joined, outer)
		}
		if len(products[r.Component]) > 0 && r.Product.ID != "" {
			products[r.Product.ID] = joined
		}
	}
	return products
}

func (p csafProduct) product() Product {
	var product Product
	for _, name := range []string{p.Helper.PURL, p.Helper.CPE} {
		if name != "" {
			product.Names = append(product.Names, name)
		}
	}
	for _, hashes := range p.Helper.Hashes {
		for _, h := range hashes.Files {
			if strings.EqualFold(h.Algorithm, "sha256") {
				product.Digests = append(product.Digests, strings.ToLower(h.Value))
			}
		}
	}
	return product
}
