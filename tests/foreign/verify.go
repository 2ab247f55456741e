// Verifies the files of a package with the Go project's own code for transparency logs,
// golang.org/x/mod/sumdb. This program only reads files and hands them over.
//
//	verify VKEY FOLDER...   one line a folder; exit code 1 if one does not hold
//	verify VKEY             takes the folders from its input, one a line, until it ends
//
// A folder is an unpacked package; beside its files it may have receipts/*.txt, and in growth/
// checkpoints of before as N.checkpoint with the proof that the log went on as N.growth.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

type checkpoint struct {
	size int64
	root tlog.Hash
	text string
}

// Go's base64 passes over carriage returns and takes bits that are unused as they come.
func decode(text string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err == nil && base64.StdEncoding.EncodeToString(raw) != text {
		err = fmt.Errorf("%q is not spelled as base64 should be", text)
	}
	return raw, err
}

func parseHash(text string) (tlog.Hash, error) {
	var hash tlog.Hash
	raw, err := decode(text)
	if err != nil || len(raw) != len(hash) {
		return hash, fmt.Errorf("%q is no hash", text)
	}
	copy(hash[:], raw)
	return hash, nil
}

func parseNumber(text string) (int64, error) {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(number, 10) != text || number < 0 {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return number, nil
}

// tlog.ParseTree knows the name of one log only, so the three lines are read here.
func open(signed []byte, key note.Verifier) (checkpoint, error) {
	var none checkpoint
	opened, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return none, err
	}
	for _, signature := range opened.Sigs {
		if _, err := decode(signature.Base64); err != nil {
			return none, err
		}
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return none, errors.New("a checkpoint has three lines")
	}
	if lines[0] != key.Name() {
		return none, fmt.Errorf("the checkpoint is of another log, %q", lines[0])
	}
	size, err := parseNumber(lines[1])
	if err != nil {
		return none, err
	}
	root, err := parseHash(lines[2])
	return checkpoint{size, root, opened.Text}, err
}

// A number, hashes, an empty line and a note: what the proofs of C2SP have in common.
func parseProof(text []byte, word string) (int64, []tlog.Hash, []byte, error) {
	head, signed, found := bytes.Cut(text, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || !strings.HasPrefix(lines[0], word+" ") {
		return 0, nil, nil, errors.New("this is no proof")
	}
	number, err := parseNumber(strings.TrimPrefix(lines[0], word+" "))
	if err != nil {
		return 0, nil, nil, err
	}
	var hashes []tlog.Hash
	for _, line := range lines[1:] {
		hash, err := parseHash(line)
		if err != nil {
			return 0, nil, nil, err
		}
		hashes = append(hashes, hash)
	}
	return number, hashes, signed, nil
}

func checkInclusion(text, entry []byte, key note.Verifier) (int64, checkpoint, error) {
	const first = "c2sp.org/tlog-proof@v1\n"
	if !bytes.HasPrefix(text, []byte(first)) {
		return 0, checkpoint{}, errors.New("this is no tlog-proof")
	}
	index, path, signed, err := parseProof(text[len(first):], "index")
	if err != nil {
		return 0, checkpoint{}, err
	}
	at, err := open(signed, key)
	if err != nil {
		return 0, at, err
	}
	if index >= at.size {
		return 0, at, errors.New("the index lies outside of the log")
	}
	leaf := tlog.RecordHash(entry)
	return index, at, tlog.CheckRecord(tlog.RecordProof(path), at.size, at.root, index, leaf)
}

func checkGrowth(name string, to checkpoint, key note.Verifier) error {
	before, err := os.ReadFile(strings.TrimSuffix(name, ".growth") + ".checkpoint")
	if err != nil {
		return err
	}
	old, err := open(before, key)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	from, path, signed, err := parseProof(text, "old")
	if err != nil {
		return err
	}
	now, err := open(signed, key)
	if err != nil {
		return err
	}
	if from != old.size || from < 1 || from > now.size || now.text != to.text {
		return errors.New("it is of other checkpoints")
	}
	return tlog.CheckTree(tlog.TreeProof(path), now.size, now.root, old.size, old.root)
}

func checkReceipt(text []byte, key note.Verifier) error {
	parts := bytes.SplitN(text, []byte("\n"), 4)
	if len(parts) != 4 || string(parts[0]) != "countersign-receipt-1" || len(parts[2]) != 0 {
		return errors.New("this is no receipt")
	}
	_, _, err := checkInclusion(parts[3], parts[1], key)
	return err
}

type hashes []tlog.Hash

func (stored hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var read []tlog.Hash
	for _, index := range indexes {
		if index < 0 || index >= int64(len(stored)) {
			return nil, errors.New("there is no such hash")
		}
		read = append(read, stored[index])
	}
	return read, nil
}

func rebuilt(entries [][]byte) (hashes, error) {
	var stored hashes
	for n, entry := range entries {
		more, err := tlog.StoredHashes(int64(n), entry, stored)
		if err != nil {
			return nil, err
		}
		stored = append(stored, more...)
	}
	return stored, nil
}

func readEntries(folder string) ([][]byte, error) {
	text, err := os.ReadFile(filepath.Join(folder, "entries.jsonl"))
	if err != nil {
		return nil, err
	}
	if len(text) == 0 {
		return nil, nil
	}
	if text[len(text)-1] != '\n' {
		return nil, errors.New("entries.jsonl breaks off")
	}
	return bytes.Split(text[:len(text)-1], []byte("\n")), nil
}

func checkTile(folder string, tile tlog.Tile, stored hashes, entries [][]byte) error {
	// The Go project puts the height into the path, C2SP does not.
	path := "tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	wanted, err := tlog.ReadTileData(tile, stored)
	if err != nil {
		return err
	}
	found, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		return err
	}
	if !bytes.Equal(found, wanted) {
		return fmt.Errorf("%s is not of this tree", path)
	}
	if tile.L != 0 {
		return nil
	}
	var bundle []byte
	first := int(tile.N) << tileHeight
	for _, entry := range entries[first : first+tile.W] {
		bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(entry)))
		bundle = append(bundle, entry...)
	}
	path = strings.Replace(path, "tile/0/", "tile/entries/", 1)
	found, err = os.ReadFile(filepath.Join(folder, path))
	if err == nil && !bytes.Equal(found, bundle) {
		err = fmt.Errorf("%s is not of these entries", path)
	}
	return err
}

func checkWhole(folder string, at checkpoint, entries [][]byte) error {
	if int64(len(entries)) != at.size {
		return fmt.Errorf("%d entries under a checkpoint of %d", len(entries), at.size)
	}
	stored, err := rebuilt(entries)
	if err != nil {
		return err
	}
	root, err := tlog.TreeHash(at.size, stored)
	if err != nil {
		return err
	}
	if root != at.root {
		return errors.New("the entries do not have the root of the checkpoint")
	}
	tiles := tlog.NewTiles(tileHeight, 0, at.size)
	for n, tile := range tiles {
		// Of a tile that is not full, Go names every width; the last is what stands now.
		if n+1 < len(tiles) && tiles[n+1].L == tile.L && tiles[n+1].N == tile.N {
			continue
		}
		if err := checkTile(folder, tile, stored, entries); err != nil {
			return err
		}
	}
	return nil
}

func checkPart(proofs []string, at checkpoint, entries [][]byte, key note.Verifier) error {
	if len(proofs) != len(entries) {
		return fmt.Errorf("%d entries and %d proofs", len(entries), len(proofs))
	}
	number := func(n int) int {
		name := filepath.Base(proofs[n])
		seq, _ := strconv.Atoi(strings.TrimSuffix(name, ".tlog-proof"))
		return seq
	}
	sort.Slice(proofs, func(a, b int) bool { return number(a) < number(b) })
	for n, name := range proofs {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		index, proven, err := checkInclusion(text, entries[n], key)
		if err != nil {
			return err
		}
		if index != int64(number(n)) || proven.text != at.text {
			return fmt.Errorf("%s is of another entry or checkpoint", name)
		}
	}
	return nil
}

func verify(folder string, key note.Verifier) error {
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return err
	}
	at, err := open(signed, key)
	if err != nil {
		return err
	}
	entries, err := readEntries(folder)
	if err != nil {
		return err
	}
	proofs, _ := filepath.Glob(filepath.Join(folder, "proofs", "*"))
	if _, absent := os.Stat(filepath.Join(folder, "tile")); absent == nil {
		err = checkWhole(folder, at, entries)
	} else {
		err = checkPart(proofs, at, entries, key)
	}
	if err != nil {
		return err
	}
	growths, _ := filepath.Glob(filepath.Join(folder, "growth", "*.growth"))
	for _, name := range growths {
		if err := checkGrowth(name, at, key); err != nil {
			return fmt.Errorf("%s: %v", name, err)
		}
	}
	receipts, _ := filepath.Glob(filepath.Join(folder, "receipts", "*.txt"))
	for _, name := range receipts {
		text, err := os.ReadFile(name)
		if err == nil {
			err = checkReceipt(text, key)
		}
		if err != nil {
			return fmt.Errorf("%s: %v", name, err)
		}
	}
	return nil
}

func tell(folder string, key note.Verifier) bool {
	err := verify(folder, key)
	if err != nil {
		fmt.Println("bad:", strings.ReplaceAll(err.Error(), "\n", " "))
	} else {
		fmt.Println("good")
	}
	return err == nil
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "verify VKEY FOLDER...")
		os.Exit(2)
	}
	key, err := note.NewVerifier(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if len(os.Args) == 2 {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			tell(lines.Text(), key)
		}
		return
	}
	code := 0
	for _, folder := range os.Args[2:] {
		if !tell(folder, key) {
			code = 1
		}
	}
	os.Exit(code)
}
