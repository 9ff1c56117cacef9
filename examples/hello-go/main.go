// A Lambda function that greets whom the event names, or the world.
package main

import "github.com/aws/aws-lambda-go/lambda"

type event struct {
	Name string `json:"name"`
}

type answer struct {
	Message string `json:"message"`
}

func greet(event event) (answer, error) {
	if event.Name == "" {
		event.Name = "world"
	}
	return answer{Message: "hello, " + event.Name}, nil
}

func main() {
	lambda.Start(greet)
}
